"""Claimed outputs: right in most cases, and wrong in named ways."""

import random
from collections.abc import Sequence

from conself.minipy.compositions import Step, Steps
from conself.minipy.execution import MAX_UNFOLDED_INT, form_function
from conself.minipy.inputs import Value
from conself.minipy.primitives.base import Form, Kind

RIGHT, OFF_BY_ONE, BUG, WRONG_TYPE, ARITY = "right", "off by one", "bug of one step", "wrong type", "invalid arity"
CLAIM_SHARES = {RIGHT: 0.88, OFF_BY_ONE: 0.04, BUG: 0.06, WRONG_TYPE: 0.01, ARITY: 0.01}
"""The share of each class among the tests of the corpus. A class that an input does not allow becomes off by one."""

_MAX_INT, _MAX_LIST, _MAX_STR = 9999, 12, 24


def apply_steps(steps: Steps, value: Value) -> Value | None:
    """Compute the reference's output; None if a value on the way is too large for a short test."""
    return _run(steps, [step.primitive.correct[0] for step in steps], value)


def draw_test(steps: Steps, value: Value, rng: random.Random) -> tuple[str, str] | None:
    """Write one test of the chain, and name its class; None if the output is too large."""
    right = apply_steps(steps, value)
    if right is None:
        return None
    label = rng.choices(tuple(CLAIM_SHARES), tuple(CLAIM_SHARES.values()))[0]
    claim: Value | None = right
    if label == BUG and (claim := _buggy_output(steps, value, right, rng)) is None:
        label = OFF_BY_ONE
    if label == OFF_BY_ONE:
        claim = _off_by_one(right, rng)
    if label == WRONG_TYPE:
        claim = _of_another_type(right)
    call = f"f({value!r}, {rng.randint(0, 3)})" if label == ARITY else f"f({value!r})"
    return f"{call} == {claim!r}", label


def _run(steps: Steps, forms: Sequence[Form], value: Value) -> Value | None:
    for step, form in zip(steps, forms, strict=True):
        signature = step.primitive.signature
        if signature.gives is not Kind.INT and isinstance(value, int) and abs(value) > MAX_UNFOLDED_INT:
            return None
        value = form_function(form, step.k, signature.takes, signature.gives)(_copy(value))
        if not _short(value):
            return None
    return value


def _copy(value: Value) -> Value:
    return list(value) if isinstance(value, list) else value


def _short(value: Value) -> bool:
    if isinstance(value, int):
        return abs(value) <= _MAX_INT
    if isinstance(value, str):
        return len(value) <= _MAX_STR
    return len(value) <= _MAX_LIST and all(abs(x) <= _MAX_INT for x in value)


def _buggy_output(steps: Steps, value: Value, right: Value, rng: random.Random) -> Value | None:
    """Compute an output that differs from the right one, with one step in one of its buggy forms; None: none does."""
    for place, bug in rng.sample(bugs := _bugs(steps), len(bugs)):
        forms = [step.primitive.correct[0] for step in steps]
        forms[place] = bug
        try:
            output = _run(steps, forms, value)
        except (ArithmeticError, IndexError, TypeError, ValueError):
            continue
        if output is not None and output != right and type(output) is type(right):
            return output
    return None


def _bugs(steps: Sequence[Step]) -> list[tuple[int, Form]]:
    return [(place, bug) for place, step in enumerate(steps) for bug in step.primitive.bugs]


def _off_by_one(right: Value, rng: random.Random) -> Value:
    """Change a number by one, a number of a list by one, or a string by one character."""
    if isinstance(right, int):
        return right + rng.choice((1, -1))
    if isinstance(right, str):
        return right[:-1] if right else " "
    if not right:
        return [0]
    place = rng.randrange(len(right))
    return [*right[:place], right[place] + rng.choice((1, -1)), *right[place + 1 :]]


def _of_another_type(right: Value) -> Value:
    return [right] if isinstance(right, int) else len(right)
