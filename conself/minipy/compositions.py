"""Chains of steps: drawing them, their identity, their split, their English and their program."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from conself.minipy.primitives import KNOWN, UNSEEN
from conself.minipy.primitives.base import Form, Kind, Primitive, fill
from conself.minipy.randomness import fraction

JOINERS = (", then ", ". Then ", "; ")

# Shares of the partition. Single steps are few, so that the test split gets more of them.
_SINGLE_SHARES = {"corpus": 0.40, "train": 0.18, "validation": 0.10, "test": 0.32}
_CHAIN_SHARES = {"corpus": 0.55, "train": 0.20, "validation": 0.07, "test": 0.18}


@dataclass(frozen=True, slots=True)
class Step:
    """A primitive with its parameter (None if it has none)."""

    primitive: Primitive
    k: int | None

    @property
    def identity(self) -> str:
        """Name and parameter, e.g. ``keep_less:3``."""
        return self.primitive.name if self.k is None else f"{self.primitive.name}:{self.k}"


Steps = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Operations:
    """Primitives to draw from, by the type they take, with cumulative weights."""

    everything: tuple[Sequence[Primitive], Sequence[float]]
    by_input: dict[Kind, tuple[Sequence[Primitive], Sequence[float]]]


def operations(primitives: Iterable[Primitive]) -> Operations:
    """Index the primitives for :func:`draw_steps`."""

    def weighted(chosen: list[Primitive]) -> tuple[Sequence[Primitive], Sequence[float]]:
        return tuple(chosen), tuple(accumulate(p.noise.weight for p in chosen))

    primitives = list(primitives)
    by_input = {kind: weighted([p for p in primitives if p.signature.takes is kind]) for kind in Kind}
    return Operations(weighted(primitives), by_input)


KNOWN_OPERATIONS = operations(KNOWN)
ALL_OPERATIONS = operations((*KNOWN, *UNSEEN))


def draw_steps(source: Operations, count: int, rng: random.Random) -> Steps:
    """Draw ``count`` type-correct steps; no primitive follows itself."""
    steps: list[Step] = []
    while len(steps) < count:
        choices, weights = source.by_input[steps[-1].primitive.signature.gives] if steps else source.everything
        primitive = rng.choices(choices, cum_weights=weights)[0]
        if not steps or primitive is not steps[-1].primitive:
            steps.append(Step(primitive, rng.choice(primitive.ks) if primitive.ks else None))
    return tuple(steps)


def identity(steps: Steps) -> str:
    """Return the text that identifies a chain of steps, including parameters."""
    return " | ".join(step.identity for step in steps)


def side(steps: Steps) -> str:
    """Return which of corpus, train, validation and test may contain these steps, by their identity alone."""
    position = fraction(f"minipy partition: {identity(steps)}")
    shares = _SINGLE_SHARES if len(steps) == 1 else _CHAIN_SHARES
    bounds = accumulate(shares.values())
    return next((name for name, bound in zip(shares, bounds, strict=True) if position < bound), "test")


def statement(steps: Steps, rng: random.Random) -> str:
    """Write the problem in English: a paraphrase of each step, joined."""
    phrases = [fill(rng.choice(step.primitive.paraphrases), step.k) for step in steps]
    return joined(phrases, rng.choice(JOINERS))


def joined(phrases: Iterable[str], joiner: str) -> str:
    """Write phrases as one sentence, such as ``Sort the list; sum it``, with a full stop."""
    text = joiner.join(phrases)
    return text[0].upper() + text[1:] + "."


def starter_code(steps: Steps) -> str:
    """Write the line that every program begins with."""
    return f"def f({steps[0].primitive.signature.takes}):"


def program(starter: str, written: Iterable[tuple[Form, int | None, Kind]]) -> str:
    """Write the program that chains forms, each with its parameter and the type of its value."""
    lines: list[str] = []
    variable = value = ""
    for form, k, gives in written:
        if value != variable:
            lines.append(f"{variable} = {value}")
        *setup, value = fill(form.code, k).split("\n")
        lines += setup
        variable = gives
    return "\n".join([starter, *(f"    {line}" for line in lines), f"    return {value}"])


def reference_program(steps: Steps) -> str:
    """Write the program that chains the first correct form of each step."""
    forms = ((step.primitive.correct[0], step.k, step.primitive.signature.gives) for step in steps)
    return program(starter_code(steps), forms)
