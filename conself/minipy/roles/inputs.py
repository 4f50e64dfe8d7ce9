"""Inputs as the tester writes them: short values of one sort, of four sorts in all."""

import random
from collections.abc import Callable, Sequence

from conself.minipy.inputs import Value
from conself.minipy.primitives.base import Kind

SORTS = ("ordinary", "boundary", "empty", "large")
"""What a tester can be asked for; ``mixed`` goes through them in this order."""

MIXED = "mixed"

_LETTERS = "aaeeiou" + "bcdfghklmnprstwy"


def draw_input(takes: Kind, sort: str, ks: Sequence[int], rng: random.Random) -> Value:
    """Draw one value of a kind and a sort; ``ks`` are the parameters whose neighbourhood is the boundary."""
    makers: dict[Kind, Callable[[str, Sequence[int], random.Random], Value]] = {
        Kind.LIST: _list,
        Kind.INT: _int,
        Kind.STR: lambda sort, _, rng: _str(sort, rng),
    }
    return makers[takes](sort, ks, rng)


def _near(ks: Sequence[int], rng: random.Random) -> int:
    k = rng.choice(ks or (0, 1, 2))
    return rng.choice((k, k + 1, k - 1, -k, 0))


def _list(sort: str, ks: Sequence[int], rng: random.Random) -> list[int]:
    if sort == "empty":
        return [] if rng.random() < 0.4 else [rng.randint(-3, 9)]
    if sort == "boundary":
        values = [_near(ks, rng) for _ in range(rng.randint(1, 3))]
        return [*values, rng.choice(values)] if rng.random() < 0.5 else values
    if sort == "large":
        return [rng.randint(-20, 30) for _ in range(rng.randint(6, 7))]
    return [rng.randint(-9, 15) for _ in range(rng.randint(3, 5))]


def _int(sort: str, ks: Sequence[int], rng: random.Random) -> int:
    if sort == "empty":
        return rng.randint(-2, 2)
    if sort == "boundary":
        return _near(ks, rng) * rng.choice((1, 1, 2))
    sign = rng.choice((1, 1, -1))
    return sign * (rng.randint(100, 299) if sort == "large" else rng.randint(2, 40))


def _word(length: int, rng: random.Random) -> str:
    letters = (rng.choice(_LETTERS) for _ in range(length))
    return "".join(c.upper() if rng.random() < 0.35 else c for c in letters)


def _str(sort: str, rng: random.Random) -> str:
    if sort == "empty":
        return rng.choice(("", " ", _word(1, rng)))
    if sort == "boundary":  # spaces around, a doubled letter, or both
        word = _word(rng.randint(1, 3), rng)
        return rng.choice((f" {word} ", word + word[-1], f"{word}  {word[-1]}"))
    if sort == "large":
        return " ".join(_word(length, rng) for length in (rng.randint(2, 4), rng.randint(2, 4)))
    return " ".join(_word(rng.randint(1, 3), rng) for _ in range(rng.randint(1, 2)))
