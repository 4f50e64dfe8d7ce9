"""Reference behaviour: the first correct form of each step, run in process (the code is ours, not a model's)."""

from collections.abc import Callable, Sequence
from functools import cache

from conself.minipy.compositions import Step, Steps, program
from conself.minipy.inputs import Value
from conself.minipy.primitives.base import Form, Kind

_MAX_INT = 10**6
MAX_UNFOLDED_INT = 2000
"""The largest int that may become a list."""
_MAX_LIST = 40
_MAX_STR = 60
_MIN_DISTINCT = 3
_MAX_SHARE_OF_ONE = 8


def function(source: str) -> Callable[[Value], Value]:
    """Return the function ``f`` that one of our programs defines."""
    namespace: dict[str, Callable[[Value], Value]] = {}
    exec(source, {}, namespace)
    return namespace["f"]


def form_function(form: Form, k: int | None, takes: Kind, gives: Kind) -> Callable[[Value], Value]:
    """Return one form of one step as a function, which may change a list argument."""
    return _compiled(program(f"def f({takes}):", [(form, k, gives)]))


@cache
def _compiled(source: str) -> Callable[[Value], Value]:
    return function(source)


def reference_function(step: Step) -> Callable[[Value], Value]:
    """Return the reference behaviour of one step."""
    signature = step.primitive.signature
    return form_function(step.primitive.correct[0], step.k, signature.takes, signature.gives)


def reference_outputs(steps: Steps, inputs: Sequence[Value]) -> list[Value] | None:
    """Compute the steps' outputs on the inputs, or None for a degenerate chain.

    Degenerate: a value grows too large, a step changes at most one of its values, the outputs have fewer than three
    different values or one of them on more than eight inputs.
    """
    values = list(inputs)
    for step in steps:
        takes, gives = step.primitive.signature.takes, step.primitive.signature.gives
        if gives is not Kind.INT and any(isinstance(v, int) and abs(v) > MAX_UNFOLDED_INT for v in values):
            return None
        apply = reference_function(step)
        results = [apply(list(v) if isinstance(v, list) else v) for v in values]
        if takes is gives and sum(a != b for a, b in zip(values, results, strict=True)) < 2:
            return None
        if not all(_modest(v) for v in results):
            return None
        values = results
    texts = [repr(v) for v in values]
    constant = max(texts.count(t) for t in texts) > _MAX_SHARE_OF_ONE or len(set(texts)) < _MIN_DISTINCT
    return None if constant else values


def _modest(value: Value) -> bool:
    if isinstance(value, int):
        return abs(value) <= _MAX_INT
    if isinstance(value, str):
        return len(value) <= _MAX_STR
    return len(value) <= _MAX_LIST and all(abs(x) <= _MAX_INT for x in value)
