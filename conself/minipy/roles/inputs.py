"""Short inputs for tests, by kind: few and small numbers, so that a small model can learn their outputs."""

import random
from collections.abc import Callable, Sequence

from conself.minipy.inputs import Value
from conself.minipy.primitives.base import Kind

TESTS = {"ordinary": 3, "boundary": 3, "empty": 2, "large": 2}
"""The kinds of tests, and the number of tests in an answer that has only one kind."""
MIXED = ("ordinary", "boundary", None)
"""The tests of a mixed answer, in this order; None is an empty or a large input, equally often."""

_VOWELS, _CONSONANTS = "aeiou", "bcdfghklmnprstwy"


def draw_input(kind: str, takes: Kind, ks: Sequence[int], rng: random.Random) -> Value:
    """Draw an input of a kind; ``ks`` are the parameters of the problem's steps, near which boundaries lie."""
    makers: dict[Kind, Callable[[str, Sequence[int], random.Random], Value]] = {
        Kind.LIST: _list,
        Kind.INT: _int,
        Kind.STR: lambda kind, _, rng: _str(kind, rng),
    }
    return makers[takes](kind, ks, rng)


def draw_inputs(kind: str, takes: Kind, ks: Sequence[int], rng: random.Random) -> list[Value]:
    """Draw the different inputs of an answer that has only one kind of tests."""
    values: list[Value] = []
    while len(values) < TESTS[kind]:
        value = draw_input(kind, takes, ks, rng)
        if value not in values:
            values.append(value)
    return values


def draw_mixed(takes: Kind, ks: Sequence[int], rng: random.Random) -> list[Value]:
    """Draw the different inputs of a mixed answer."""
    values: list[Value] = []
    while len(values) < len(MIXED):
        value = draw_input(MIXED[len(values)] or rng.choice(("empty", "large")), takes, ks, rng)
        if value not in values:
            values.append(value)
    return values


def _near(ks: Sequence[int], rng: random.Random) -> int:
    k = rng.choice(ks) if ks else rng.randint(0, 3)
    return rng.choice((k, k, k + 1, k - 1, -k))


def _list(kind: str, ks: Sequence[int], rng: random.Random) -> list[int]:
    if kind == "empty":
        return rng.choice(([], [], [0], [_near(ks, rng)]))
    if kind == "large":
        return [rng.randint(-9, 12) for _ in range(rng.randint(5, 6))]
    if kind == "ordinary":
        return [rng.randint(0, 12) if rng.random() < 0.8 else -rng.randint(1, 9) for _ in range(rng.randint(2, 4))]
    values = [_near(ks, rng) if rng.random() < 0.5 else rng.randint(-9, 9) for _ in range(rng.randint(1, 3))]
    if rng.random() < 0.5:  # a repeated number
        values.append(rng.choice(values))
    return values


def _int(kind: str, ks: Sequence[int], rng: random.Random) -> int:
    if kind == "empty":
        return rng.choice((0, 0, 1, -1))
    if kind == "large":
        return rng.choice((1, 1, -1)) * rng.randint(21, 199)
    if kind == "ordinary":
        return rng.randint(2, 20)
    return -rng.randint(1, 20) if rng.random() < 0.5 else _near(ks, rng)


def _str(kind: str, rng: random.Random) -> str:
    if kind == "empty":
        return rng.choice(("", "", " ", _word(1, rng)))
    if kind == "large":
        return " ".join(_word(rng.randint(2, 3), rng) for _ in range(rng.randint(2, 3)))
    if kind == "ordinary":
        return " ".join(_word(rng.randint(2, 3), rng) for _ in range(rng.randint(1, 2)))
    return rng.choice((f" {_word(2, rng)}", f"{_word(2, rng)}  {_word(1, rng)}", _word(1, rng) * 2, _word(2, rng)))


def _word(length: int, rng: random.Random) -> str:
    """Draw letters whose case changes often: the tokenizer then keeps most of them apart."""
    letters = (rng.choice(_VOWELS if rng.random() < 0.4 else _CONSONANTS) for _ in range(length))
    return "".join(c.upper() if rng.random() < 0.4 else c for c in letters)
