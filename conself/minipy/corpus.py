"""The pre-training corpus: known primitives in chains of one to three steps, with observations and noisy programs."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from conself.minipy.compositions import KNOWN_OPERATIONS, Steps, draw_steps, side, starter_code, statement
from conself.minipy.noise import write_program
from conself.minipy.observations import PER_PROBLEM, Observation, draw_observations
from conself.minipy.randomness import generator
from conself.records import Problem

KIND_SHARES = {"observations": 0.12, "direct": 0.44, "guided": 0.44}
LENGTH_SHARES = {1: 0.2, 2: 0.5, 3: 0.3}


@dataclass(frozen=True, slots=True)
class Example:
    """One pre-training example: the problem, the observation of a guided one, and the target completion.

    ``kind`` is ``observations``, ``direct`` or ``guided``. The problem has no inputs: the corpus runs nothing.
    """

    problem: Problem
    observation: str | None
    completion: str
    kind: str


def corpus(size: int, seed: int) -> Iterator[Example]:
    """Generate ``size`` examples; a function of ``seed``, and shorter corpora are prefixes of longer ones."""
    rng = generator(f"minipy corpus {seed}")
    kinds, shares = tuple(KIND_SHARES), tuple(KIND_SHARES.values())
    for index in range(size):
        steps = _draw(rng)
        problem = Problem(
            f"minipy/corpus/{index:06d}", statement(steps, rng), starter_code(steps), "f", (), "minipy", "own"
        )
        yield _example(problem, steps, rng.choices(kinds, shares)[0], rng)


def _draw(rng: random.Random) -> Steps:
    lengths, shares = tuple(LENGTH_SHARES), tuple(LENGTH_SHARES.values())
    count = rng.choices(lengths, shares)[0]
    while True:
        steps = draw_steps(KNOWN_OPERATIONS, count, rng)
        if side(steps) == "corpus":
            return steps


def _example(problem: Problem, steps: Steps, kind: str, rng: random.Random) -> Example:
    if kind == "observations":
        observations = draw_observations(steps, PER_PROBLEM, rng)
        text = "\n".join(f"{i}. {observation.text}" for i, observation in enumerate(observations, 1))
        return Example(problem, None, text, kind)
    observation: Observation | None = draw_observations(steps, 1, rng)[0] if kind == "guided" else None
    code = write_program(steps, observation, rng)
    return Example(problem, observation.text if observation else None, f"```python\n{code}\n```", kind)
