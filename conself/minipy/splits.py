"""The problem splits: train, validation and test, with hidden oracles and a difficulty mix fixed beforehand."""

import hashlib
import random
from collections.abc import Sequence
from functools import lru_cache

from conself.minipy.compositions import (
    ALL_OPERATIONS,
    KNOWN_OPERATIONS,
    Steps,
    draw_steps,
    identity,
    side,
    starter_code,
    statement,
)
from conself.minipy.corpus import LENGTH_SHARES
from conself.minipy.execution import reference_outputs
from conself.minipy.inputs import Value, draw_inputs, literal
from conself.minipy.randomness import generator
from conself.oracles import Oracle
from conself.records import Problem
from conself.sandbox.canonical import canonical

LONG_LENGTHS = (5, 6)  # chains of 4 known steps are still within reach of the model; these are meant to be beyond it

# The training split mirrors a crawled dataset (much of it beyond the model), held-out ones for taught skills.
DIFFICULTY_SHARES = {
    "train": {"own": 0.40, "unseen": 0.35, "long": 0.25},
    "validation": {"own": 0.90, "unseen": 0.06, "long": 0.04},
    "test": {"own": 0.90, "unseen": 0.06, "long": 0.04},
}


@lru_cache(maxsize=4)  # a job asks for the same split several times: problems, oracles and fingerprints
def split(name: str, size: int, seed: int) -> Sequence[tuple[Problem, Oracle]]:
    """Generate ``size`` problems of the split ``train``, ``validation`` or ``test`` in shuffled order.

    Splits of different names share no steps and no statement, whatever the seeds and sizes; nor do they with the
    corpus. Raises ValueError for another name.
    """
    if name not in DIFFICULTY_SHARES:
        raise ValueError(f"no MiniPy split is named {name!r}: choose one of {', '.join(DIFFICULTY_SHARES)}")
    rng = generator(f"minipy split {name} {seed}")
    difficulties = [d for d, count in difficulty_counts(name, size).items() for _ in range(count)]
    rng.shuffle(difficulties)
    used: set[str] = set()
    return tuple(_problem(name, index, difficulty, used, rng) for index, difficulty in enumerate(difficulties))


def difficulty_counts(name: str, size: int) -> dict[str, int]:
    """Compute the numbers of problems by difficulty: shares rounded, the remainder to ``own``."""
    shares = DIFFICULTY_SHARES[name]
    unseen, long = round(size * shares["unseen"]), round(size * shares["long"])
    return {"own": size - unseen - long, "unseen": unseen, "long": long}


def _problem(name: str, index: int, difficulty: str, used: set[str], rng: random.Random) -> tuple[Problem, Oracle]:
    """Draw until the steps belong to the split, are new (then added to ``used``) and not degenerate."""
    while True:
        steps = _draw(difficulty, rng)
        if side(steps) != name or identity(steps) in used:
            continue
        inputs, outputs = behaviour(steps, rng)
        if outputs is not None:
            break
    used.add(identity(steps))
    key = f"minipy/{name}/{index:06d}"
    literals = tuple(literal(value) for value in inputs)
    problem = Problem(key, statement(steps, rng), starter_code(steps), "f", literals, "minipy", difficulty)
    return problem, Oracle(key, tuple(canonical(value) for value in outputs))


def behaviour(steps: Steps, rng: random.Random) -> tuple[list[Value], list[Value] | None]:
    """Draw twelve inputs for the steps and compute the reference's outputs (None: degenerate)."""
    ks = [step.k for step in steps if step.k is not None]
    inputs = draw_inputs(steps[0].primitive.signature.takes, ks, rng)
    return inputs, reference_outputs(steps, inputs)


def _draw(difficulty: str, rng: random.Random) -> Steps:
    if difficulty == "long":
        return draw_steps(KNOWN_OPERATIONS, rng.choice(LONG_LENGTHS), rng)
    count = rng.choices(tuple(LENGTH_SHARES), tuple(LENGTH_SHARES.values()))[0]
    if difficulty == "own":
        return draw_steps(KNOWN_OPERATIONS, count, rng)
    while True:
        steps = draw_steps(ALL_OPERATIONS, count, rng)
        if any(step.primitive.unseen for step in steps):
            return steps


def fingerprint(pairs: Sequence[tuple[Problem, Oracle | None]]) -> str:
    """Hash the content of a split (SHA-256, hex), so that results of an older generator are never reused."""
    return hashlib.sha256(repr([(problem, oracle) for problem, oracle in pairs]).encode()).hexdigest()
