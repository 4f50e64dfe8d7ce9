"""The update of groups of rollouts: a prompt computed once per group, or once per response, in one process by turns.

``python -m experiments.training_speed.rollouts`` prints a row, and writes it to rollouts.json beside this file.
"""

import argparse
import json
import os
import random
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conself.sandbox.terminal import answer_interrupts

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Shape:
    """One group: tokens of its prompt, of each response, and how many responses."""

    prompt: int
    response: int
    size: int


def main() -> None:
    """Time both layouts by turns; print and write medians."""
    args = _arguments()
    answer_interrupts()
    os.environ["OMP_NUM_THREADS"] = "1"
    import torch

    torch.set_num_threads(1)
    shape = Shape(args.prompt, args.response, args.size)
    learners = {layout: _learner(layout, shape, args) for layout in ("shared", "distinct")}
    batch = groups(shape, args.groups, args.seed)
    losses = {layout: learner.step(batch)["loss"] for layout, learner in learners.items()}  # and warms up
    if abs(losses["shared"] - losses["distinct"]) > 1e-4 * abs(losses["distinct"]):
        raise RuntimeError(f"the layouts disagree, so no time counts: {losses}")
    spent: dict[str, list[float]] = {layout: [] for layout in learners}
    for turn in range(args.rounds):
        for layout in list(learners)[:: -1 if turn % 2 else 1]:
            began = time.process_time()
            learners[layout].step(batch)
            spent[layout].append(time.process_time() - began)
    ratios = [slow / fast for slow, fast in zip(spent["distinct"], spent["shared"], strict=True)]
    found = {
        "prompt": shape.prompt,
        "response": shape.response,
        "size": shape.size,
        "groups": args.groups,
        "rounds": args.rounds,
        "seconds": {layout: statistics.median(values) for layout, values in spent.items()},
        "ratio": {"median": statistics.median(ratios), "least": min(ratios), "most": max(ratios)},
        "torch": torch.__version__,
    }
    print(json.dumps(found, indent=1))
    args.out.write_text(json.dumps(found, indent=1) + "\n")


def groups(shape: Shape, count: int, seed: int) -> list[Any]:
    """Groups of random ids, with advantages that alternate and behaviour log-probs of no meaning."""
    from conself.training.data import Example, Response
    from experiments.training_speed.settings import END, WORDS

    draw = random.Random(seed)

    def ids(length: int) -> tuple[int, ...]:
        return tuple(draw.randrange(2, WORDS) for _ in range(length))

    made = []
    for number in range(count):
        prompt = ids(shape.prompt)
        responses = tuple(Response(prompt, (*ids(shape.response - 1), END)) for _ in range(shape.size))
        signal = tuple(1.0 if index % 2 else -0.5 for index in range(shape.size))
        behaviour = tuple((-7.0,) * shape.response for _ in responses)
        made.append(Example(f"p{number}", f"p{number}", responses, signal, behaviour))
    return made


def _learner(layout: str, shape: Shape, args: argparse.Namespace) -> Any:
    from conself.losses.grpo import GRPO
    from conself.models.transformers import with_lora
    from conself.training.device_learner import DeviceLearner
    from conself.training.policy.tuning import Policy
    from conself.training.schedules import WarmupConstant
    from experiments.training_speed.models import Place, base_model, set_adapter
    from experiments.training_speed.ours import _lora, _settings, _unsaved
    from experiments.training_speed.settings import WORDS, small

    place = Place("cpu", checkpointing=False)
    budget = shape.size * (shape.prompt + shape.response)  # a whole group at once in either layout
    settings = _settings(layout, budget, 1, place)
    model = base_model(small(WORDS), place, args.seed)
    adapted = with_lora(model, _lora(settings), args.seed)
    policy = Policy(model, place.dtype, adapted.disable_adapter, reference_stays=True, save=_unsaved)
    set_adapter(model, args.seed)
    settings.runtime.layout.prepare(model, groups(shape, args.groups, args.seed))
    loss = GRPO(clip_low=0.2, clip_high=0.28, dual_clip=3.0, beta=0.0, mean_over="tokens")
    return DeviceLearner(policy, loss, settings, WarmupConstant(0), None)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompt", type=int, default=500)
    parser.add_argument("--response", type=int, default=300)
    parser.add_argument("--size", type=int, default=8, help="responses of a group")
    parser.add_argument("--groups", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=HERE / "rollouts.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
