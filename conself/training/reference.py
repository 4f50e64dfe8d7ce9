"""Reference log-probs: worked out once, kept per token on disk, and found again by later trainings.

A tau sweep, another seed or loss, a second epoch: they all want the same numbers. Each problem is laid out by itself,
so that its values depend on nothing else: not on the curriculum, and not on what an earlier run left in the store.
"""

import hashlib
import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor

from conself.runtime.console import new_console
from conself.runtime.locks import locked
from conself.runtime.progress import Meter
from conself.store.artifacts import write_whole
from conself.training.data import Example, Response
from conself.training.layouts.padded import Layout
from conself.training.micro_batches import MicroBatch, distinct, grouped
from conself.training.policy.tuning import Policy
from conself.training.scorer.log_probs import is_frozen
from conself.training.strategies.distributed import Sharing
from conself.training.strategies.ranks import ALONE, Ranks

log = logging.getLogger(__name__)

Values = NDArray[np.float32]
Reference = Callable[[MicroBatch], Tensor]
"""The reference's log-probs of a micro-batch's response tokens, response after response: [S], float32, in nats."""
_SCHEMA = pa.schema({"piece": pa.string(), "log_probs": pa.list_(pa.float32())})
_PIECES_PER_FILE = 256
_MANIFEST = "manifest.json"
_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}
"""Nats per square root of the number of tokens, by which a sum may differ from its own repetition."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What reference log-probs depend on beside the tokens; ``model`` is a content fingerprint.

    ``weights`` is what the weights are kept in, ``dtype`` what is computed in: full fine-tuning keeps more than it
    computes with, and what no product touches (norms, sums) stays finer than in a model of that dtype. ``head`` tells a
    frozen head from others, which add up in another order: what one tuning leaves changes no bit of another's training.
    """

    model: str
    weights: str
    dtype: str
    layout: str
    attention: str
    head: str
    device: str
    threads: int
    torch: str

    @property
    def key(self) -> str:
        """Name of the table's folder."""
        return hashlib.sha256(json.dumps(self.facts()).encode()).hexdigest()

    def facts(self) -> dict[str, str | int]:
        """The fields by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def identity(policy: Policy, layout: Layout, fingerprint: str) -> Identity:
    """The identity of a policy's reference in a layout, on the machine at hand."""
    device = policy.model.device
    on_gpu = device.type == "cuda"
    return Identity(
        model=fingerprint,
        weights=str(policy.model.dtype).removeprefix("torch."),
        dtype=str(policy.dtype).removeprefix("torch."),
        layout=type(layout).__name__,
        attention=str(policy.model.config._attn_implementation),
        head="frozen" if is_frozen(policy.model.get_output_embeddings()) else "other",
        device=torch.cuda.get_device_name(device) if on_gpu else device.type,
        threads=0 if on_gpu else torch.get_num_threads(),  # they decide the order in which a CPU adds up
        torch=torch.__version__,
    )


@torch.no_grad()
def reference_log_probs(
    policy: Policy,
    layout: Layout,
    examples: Sequence[Example],
    who: Identity,
    root: Path,
    progress: bool,
    ranks: Ranks = ALONE,
) -> dict[Response, Values]:
    """The log-probs of every response's tokens, in nats, from the table of ``who`` under ``root``.

    What the table lacks is worked out and added, file by file: a killed run goes on from there. One entry that is there
    is worked out again; where it differs, the table is of no use, which is said, and is made anew. Processes that want
    the same table take turns; those that train together share the work, and the first of them reads and writes.
    """
    problems = grouped(examples, lambda example: example.prompt)
    pieces = {_name(piece): piece for problem in problems for piece in layout.cut(problem)}
    folder = root / who.key
    folder.mkdir(parents=True, exist_ok=True)
    lock = locked(root / f".{who.key}.lock", f"reference {who.key[:12]}") if ranks.first else nullcontext()
    with lock, policy.reference():
        if ranks.first:
            _introduce(root, folder, who)
        known = ranks.agreed(_read(folder) if ranks.first else {})
        if not ranks.agreed(_still_true(policy, layout, pieces, known)):
            if ranks.first:
                for path in folder.glob("*.parquet"):
                    path.unlink()
            known = {}
        missing = [name for name in pieces if name not in known]
        shown = progress and bool(missing)
        with Meter(new_console(quiet=not shown), "reference", len(missing), "pieces", "pieces") as meter:
            for part in _files(missing):
                share = ranks.share(part)
                made = ranks.united({name: _values(policy, layout, pieces[name]) for name in meter.each(share)})
                meter.add(len(part) - len(share))  # the others' share
                if ranks.first:
                    _write(folder, {name: made[name] for name in part})
                known |= made
    return {
        response: value
        for name, piece in pieces.items()
        for response, value in _split(distinct(piece), known[name]).items()
    }


def stored(table: Mapping[Response, Values]) -> Reference:
    """The reference of responses that are all in ``table``."""

    def log_probs(micro_batch: MicroBatch) -> Tensor:
        return torch.from_numpy(np.concatenate([table[response] for response in micro_batch.responses]))

    return log_probs


def computed(policy: Policy, sharing: Sharing) -> Reference:
    """The reference of responses that are new in each step: one more pass of the model without what was trained.

    Raises:
        ValueError: the policy has no such model any more once it has taken a step.
    """
    if not policy.reference_stays:
        raise ValueError(
            "all weights are trained, so that nothing is left to be the reference of new responses; choose "
            "training=lora, or a loss without reference (loss.beta=0)"
        )

    @torch.no_grad()
    def log_probs(micro_batch: MicroBatch) -> Tensor:
        with policy.reference():
            values: Tensor = policy.scorer(micro_batch)
        sharing.settle(policy.scorer)
        return values

    return log_probs


def _values(policy: Policy, layout: Layout, piece: Sequence[Example]) -> Values:
    """Of every distinct response, in the order in which the examples name them, whatever the layout's is."""
    batch = layout.lay(piece)
    parts = _split(batch.responses, policy.scorer(batch).cpu().numpy())
    return np.concatenate([parts[response] for response in distinct(piece)])


def _split(responses: Sequence[Response], values: Values) -> dict[Response, Values]:
    ends = np.cumsum([len(response.tokens) for response in responses])[:-1]
    return dict(zip(responses, np.split(values, ends), strict=True))


def _sums(piece: Sequence[Example], values: Values) -> dict[Response, float]:
    parts = _split(distinct(piece), values)
    return {response: float(part.sum(dtype=np.float64)) for response, part in parts.items()}


def _name(piece: Sequence[Example]) -> str:
    tokens = [[example.prompt, *(response.tokens for response in example.responses)] for example in piece]
    return hashlib.sha256(json.dumps(tokens).encode()).hexdigest()


def _files(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + _PIECES_PER_FILE] for start in range(0, len(names), _PIECES_PER_FILE))


def _introduce(root: Path, folder: Path, who: Identity) -> None:
    """Give a new table its manifest; where the model has others, say what keeps them from being used."""
    if (folder / _MANIFEST).is_file():
        return
    others = [json.loads(path.read_text()) for path in sorted(root.glob(f"*/{_MANIFEST}"))]
    changes = [
        [f"{name} is {value}, not {other.get(name)}" for name, value in who.facts().items() if other.get(name) != value]
        for other in others
        if other["model"] == who.model
    ]
    if changes:
        nearest = min(changes, key=len)
        log.warning("reference log-probs are computed anew: %s", ", ".join(nearest))
    write_whole(folder / _MANIFEST, lambda path: path.write_text(json.dumps(who.facts(), indent=1)))


def _still_true(
    policy: Policy, layout: Layout, pieces: Mapping[str, Sequence[Example]], known: Mapping[str, Values]
) -> bool:
    name = next((name for name in pieces if name in known), None)
    if name is None:
        return True
    piece = pieces[name]
    old, new = _sums(piece, known[name]), _sums(piece, _values(policy, layout, piece))
    off = {response: abs(old[response] - new[response]) for response in old}
    if all(off[response] <= _TOLERANCE[policy.dtype] * math.sqrt(len(response.tokens)) for response in off):
        return True
    log.warning("stored reference log-probs are off by %.3g nats: they are computed anew", max(off.values()))
    return False


def _write(folder: Path, values: Mapping[str, Values]) -> None:
    table = pa.table({"piece": list(values), "log_probs": list(values.values())}, schema=_SCHEMA)
    name = hashlib.sha256("".join(values).encode()).hexdigest()[:32]
    write_whole(
        folder / f"{name}.parquet",
        lambda path: pq.write_table(table, path, compression="zstd", write_page_checksum=True),
    )


def _read(folder: Path) -> dict[str, Values]:
    known: dict[str, Values] = {}
    for path in sorted(folder.glob("*.parquet")):
        try:
            table = pq.read_table(path, page_checksum_verification=True).cast(_SCHEMA)
        except (OSError, ValueError, pa.ArrowException) as error:
            log.warning("%s cannot be read (%s): its reference log-probs are computed anew", path, error)
            path.unlink()
            continue
        for name, values in zip(table["piece"].to_pylist(), table["log_probs"], strict=True):
            known[str(name)] = values.values.to_numpy()
    return known
