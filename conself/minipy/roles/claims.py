"""How the corpus writes tests: a call, the values on the way as a comment, and a claimed output that may be wrong.

A test of one step is ``f([3,4]) == [4]``. One of several steps is a call of two lines, whose comment has the values
between the steps, so that a small model need not take several steps at once::

    f([3,4]) == ( # [4] > [16]
    16)

Both forms are Python, and are what :mod:`conself.generated_tests` reads.
"""

import random
from collections.abc import Sequence

from conself.minipy.compositions import Steps
from conself.minipy.execution import form_function
from conself.minipy.inputs import Value
from conself.minipy.primitives.base import Form
from conself.minipy.roles.inputs import MIXED, SORTS, draw_input

PER_REPLY = 4

# Shares of the tests; the rest is right. "variant": what the program gives with a bug of one step's own.
NOISE = {"off_by_one": 0.03, "wrong_type": 0.02, "arity": 0.02, "variant": 0.05}

_MAX_INT = 2999
_MAX_LIST = 8
_MAX_STR = 24
_TRIES = 10  # inputs drawn for one test: chains exist that leave few inputs within these limits


def literal(value: Value) -> str:
    """The Python text of a value; lists without spaces, which are tokens."""
    return repr(value).replace(", ", ",") if isinstance(value, list) else repr(value)


def call_text(given: str, between: Sequence[Value], claim: Value) -> str:
    """One test: ``given`` is the text of the arguments, ``between`` the values between the steps."""
    if not between:
        return f"f({given}) == {literal(claim)}"
    return f"f({given}) == ( # {' > '.join(map(literal, between))}\n{literal(claim)})"


def values_of(steps: Steps, forms: Sequence[Form], given: Value) -> list[Value] | None:
    """The value after each step, each written in one form; None where a step raises or a value grows too large."""
    values: list[Value] = []
    value = given
    for step, form in zip(steps, forms, strict=True):
        signature = step.primitive.signature
        apply = form_function(form, step.k, signature.takes, signature.gives)
        try:
            value = apply(list(value) if isinstance(value, list) else value)
        except (ValueError, TypeError, IndexError, ZeroDivisionError, AttributeError):  # a buggy form's
            return None
        if not _modest(value):
            return None
        values.append(value)
    return values


def write_tests(steps: Steps, sort: str, count: int, rng: random.Random) -> list[str]:
    """At most ``count`` tests of one sort of input (``mixed``: of all in turn), with the corpus's noise.

    No input occurs twice; fewer tests come back where ten draws give no new input within the limits of size.
    """
    ks = [step.k for step in steps if step.k is not None]
    inputs: list[Value] = []
    for index in range(count):
        kind = SORTS[index % len(SORTS)] if sort == MIXED else sort
        for _ in range(_TRIES):
            given = draw_input(steps[0].primitive.signature.takes, kind, ks, rng)
            if given not in inputs and values_of(steps, _reference(steps), given) is not None:
                inputs.append(given)
                break
    return [write_test(steps, given, rng.choices((*NOISE, "right"), _weights())[0], rng) for given in inputs]


def write_test(steps: Steps, given: Value, noise: str, rng: random.Random) -> str:
    """A test on one input with one class of noise, or ``right``.

    A variant that raises or grows too large, and one where no step has bugs, is written right.
    """
    values = values_of(steps, _reference(steps), given)
    if noise == "variant":
        values = values_of(steps, _with_a_bug(steps, rng), given) or values
    if values is None:
        raise ValueError(f"no test can be written of {given!r}: its values are too large")
    *between, claim = values
    if noise == "off_by_one":
        claim = _off_by_one(claim, rng)
    if noise == "wrong_type":
        claim = [claim] if isinstance(claim, int) else len(claim)
    return call_text(literal(given) + (",0" if noise == "arity" else ""), between, claim)


def _weights() -> tuple[float, ...]:
    return (*NOISE.values(), 1 - sum(NOISE.values()))


def _reference(steps: Steps) -> list[Form]:
    return [step.primitive.correct[0] for step in steps]


def _with_a_bug(steps: Steps, rng: random.Random) -> list[Form]:
    forms = _reference(steps)
    buggy = [index for index, step in enumerate(steps) if step.primitive.bugs]
    if buggy:
        index = rng.choice(buggy)
        forms[index] = rng.choice(steps[index].primitive.bugs)
    return forms


def _off_by_one(value: Value, rng: random.Random) -> Value:
    """An int beside it; a list with one such number, or one more; a text without its last character, or with one."""
    if isinstance(value, int):
        return value + rng.choice((1, -1))
    if isinstance(value, str):
        return value[:-1] or "a"
    if not value:
        return [0]
    index = rng.randrange(len(value))
    return [*value[:index], value[index] + rng.choice((1, -1)), *value[index + 1 :]]


def _modest(value: Value) -> bool:
    if isinstance(value, int):
        return abs(value) <= _MAX_INT
    if isinstance(value, str):
        return len(value) <= _MAX_STR
    return len(value) <= _MAX_LIST and all(isinstance(x, int) and abs(x) <= _MAX_INT for x in value)
