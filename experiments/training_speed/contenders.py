"""Who takes part in a row, and how each of them is prepared in its process."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from experiments.training_speed import models, ours, plain, trl_side
from experiments.training_speed.models import Place
from experiments.training_speed.settings import CENTRAL, QUICK, Row, Shape, pairs
from experiments.training_speed.steps import Step

SHARED, LEAN = "shared", "shared, half of the layers twice"
LEANEST = "shared, layers twice"
DISTINCT, PAIRS = "distinct", "pairs"
OURS = (SHARED, LEAN, LEANEST, DISTINCT, PAIRS)
_TWICE = {LEAN: 0.5, LEANEST: 1.0}  # share of layers
TRL, PLAIN = "TRL, batch ", "plain loop, batch "
ONLINE = "plain loop, online reference"
_WIDE = 10_000  # words from which all logits of several pairs would take gigabytes


@dataclass(frozen=True, slots=True)
class Job:
    """One contender on one row."""

    name: str
    row: Row
    shape: Shape
    place: Place
    seed: int

    def __call__(self) -> Step:
        """Load the model, work out the reference, and do one tiny pass, so that libraries are there when counting."""
        model = models.base_model(self.shape, self.place, self.seed)
        found = _prepare(self.name)(model=model, pairs=pairs(self.row, self.seed), place=self.place, seed=self.seed)
        few = torch.tensor([[2, 3, 4, 5]], device=self.place.device)
        with torch.autocast(self.place.device, dtype=self.place.dtype, enabled=self.place.dtype != torch.float32):
            (0.0 * model(input_ids=few).logits.float().sum()).backward()
        return found


def _prepare(name: str) -> Callable[..., Step]:
    if name.startswith(TRL):
        return partial(trl_side.prepare, batch=int(name.removeprefix(TRL)))
    if name == ONLINE:
        return partial(plain.prepare, batch=1, online=True)
    if name.startswith(PLAIN):
        return partial(plain.prepare, batch=int(name.removeprefix(PLAIN)), online=False)
    return partial(ours.prepare, layout=name.partition(", ")[0], twice=_TWICE.get(name, 0.0))


def names(row: Row) -> list[str]:
    """Who takes part: in the central row everybody, elsewhere what may be the best of each kind."""
    if row == CENTRAL:
        return [*OURS, *(f"{TRL}{n}" for n in (1, 2, 4)), *(f"{PLAIN}{n}" for n in (1, 4)), ONLINE]
    if row == QUICK:
        return [SHARED, LEAN, DISTINCT, PAIRS, f"{TRL}1", f"{PLAIN}1"]
    # TRL takes the mean of its micro-batches' means: they must be of one size to give the mean over pairs.
    most = 2 if max(row.prompt) + max(row.response) > 500 else 3
    batches = [n for n in range(1, most + 1) if row.batch % n == 0]
    plain_batches = (1,) if row.words > _WIDE or most == 2 else (1, 3)
    return [SHARED, LEAN, DISTINCT, *(f"{TRL}{n}" for n in batches), *(f"{PLAIN}{n}" for n in plain_batches)]
