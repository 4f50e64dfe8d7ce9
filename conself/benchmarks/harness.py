"""Judge outputs by the rules of a benchmark's own harness, for benchmarks with expected outputs.

LiveCodeBench (``lcb_runner/evaluation/testing_util.py``): the value of a call is right if it is equal by Python's
``==``, with an outer tuple counting as a list; standard output line by line, stripped, as text or as decimals of the
same value. APPS and TACO (``testing_util.py`` of both): calls likewise, with tuples inside of a list counting as lists
too, and with a list around a value that the data set gives in a list; standard output line by line without empty lines.
``docs/equality.md`` explains where we are stricter, and why.
"""

import json
import math
import re
from decimal import Decimal, InvalidOperation

from conself.harness.standin import Opaque, Value, decode
from conself.records import UNREADABLE

_ODD = (LookupError, TypeError, ValueError, ArithmeticError, RecursionError)
"""Exceptions of reading and comparing values that Python's types cannot hold: a set of lists, a signalling NaN."""
_INT = re.compile(r"[+-]?\d+", re.ASCII)
_RELATIVE, _ABSOLUTE = 1e-5, 1e-8  # numpy.allclose's, by which APPS compares floats


def livecodebench(value: str, expected: str, is_stdout: bool) -> bool:
    """Return whether a recorded value is right by a test of LiveCodeBench."""
    if is_stdout:
        return _same_lines(_text(value).strip(), _text(expected).strip())
    return UNREADABLE not in value and _same(_as_list(_decoded(value)), _decoded(expected))


def apps(value: str, expected: str, is_stdout: bool) -> bool:
    """Return whether a recorded value is right by a test of APPS or TACO."""
    if is_stdout:
        return _close_lines(_text(value), _text(expected))
    if UNREADABLE in value:
        return False
    output, wanted = _as_list(_decoded(value)), _decoded(expected)
    return _same(output, wanted) or (isinstance(output, list) and _same([_as_list(item) for item in output], wanted))


def wrapped_apps(value: str, expected: str, is_stdout: bool) -> bool:
    """As :func:`apps`, but a list from the program whose only element is the expected value is right as well."""
    return apps(value, expected, is_stdout) or apps(value, f"[{expected}]", is_stdout)


def _decoded(value: str) -> Value:
    """Decode the recorded value; an object that equals nothing if Python's types cannot hold it."""
    try:
        return decode(json.loads(value))
    except _ODD:
        return Opaque()


def _as_list(value: Value) -> Value:
    return list(value) if isinstance(value, tuple) else value


def _same(output: Value, wanted: Value) -> bool:
    try:
        return bool(output == wanted)
    except _ODD:
        return False


def _text(value: str) -> str:
    text = json.loads(value)
    return text if isinstance(text, str) else ""


def _same_lines(output: str, wanted: str) -> bool:
    left, right = output.split("\n"), wanted.split("\n")
    return len(left) == len(right) and all(map(_same_line, left, right))


def _same_line(output: str, wanted: str) -> bool:
    output, wanted = output.strip(), wanted.strip()
    if output == wanted:
        return True
    left, right = _decimals(output), _decimals(wanted)
    return left is not None and _same(left, right)


def _decimals(line: str) -> list[Decimal] | None:
    try:
        return [Decimal(word) for word in line.split()]
    except InvalidOperation:
        return None


def _close_lines(output: str, wanted: str) -> bool:
    left, right = ([line.split() for line in text.split("\n") if line.strip()] for text in (output, wanted))
    return len(left) == len(right) and all(
        len(words) == len(others) and all(map(_close, words, others)) for words, others in zip(left, right, strict=True)
    )


def _close(output: str, wanted: str) -> bool:
    """Return whether two words are equal, or close as floats; an expected whole number must be met exactly."""
    if output == wanted:
        return True
    if _INT.fullmatch(wanted) and _INT.fullmatch(output):
        return False
    try:
        one, other = float(output), float(wanted)
    except ValueError:
        return False
    return abs(one - other) <= _ABSOLUTE + _RELATIVE * abs(other) if math.isfinite(other) else one == other
