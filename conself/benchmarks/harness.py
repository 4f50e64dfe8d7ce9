"""When an answer is right by the rules of a benchmark's own harness, for benchmarks of expected outputs.

LiveCodeBench (``lcb_runner/evaluation/testing_util.py``): what a call returns is right where Python's ``==`` says so,
a tuple on the outside counting as a list; standard output line by line, stripped, as text or as decimals of the same
value. APPS and TACO (``testing_util.py`` of both): calls likewise, with tuples inside of a list counting as lists too,
and with a list around a value that the data set gives in a list; standard output line by line without empty lines.
``docs/equality.md`` says where we are stricter, and why.
"""

import json
import math
import re
from decimal import Decimal, InvalidOperation

from conself.harness.standin import Opaque, Value, decode
from conself.records import UNREADABLE

_ODD = (LookupError, TypeError, ValueError, ArithmeticError, RecursionError)
"""What reading and comparing raise where Python's own types cannot hold a value: a set of lists, a signalling NaN."""
_INT = re.compile(r"[+-]?\d+", re.ASCII)
_RELATIVE, _ABSOLUTE = 1e-5, 1e-8  # numpy.allclose's, by which APPS compares floats


def livecodebench(value: str, expected: str, is_stdout: bool) -> bool:
    """Whether a recorded value is what a test of LiveCodeBench expects."""
    if is_stdout:
        return _same_lines(_text(value).strip(), _text(expected).strip())
    return UNREADABLE not in value and _same(_as_list(_decoded(value)), _decoded(expected))


def apps(value: str, expected: str, is_stdout: bool) -> bool:
    """Whether a recorded value is what a test of APPS or TACO expects."""
    if is_stdout:
        return _close_lines(_text(value), _text(expected))
    if UNREADABLE in value:
        return False
    given, wanted = _as_list(_decoded(value)), _decoded(expected)
    return _same(given, wanted) or (isinstance(given, list) and _same([_as_list(item) for item in given], wanted))


def wrapped_apps(value: str, expected: str, is_stdout: bool) -> bool:
    """As :func:`apps`, where the one element of a list that the program gives may be what is expected."""
    return apps(value, expected, is_stdout) or apps(value, f"[{expected}]", is_stdout)


def _decoded(value: str) -> Value:
    """The recorded value; where Python's own types cannot hold it, an object that equals nothing."""
    try:
        return decode(json.loads(value))
    except _ODD:
        return Opaque()


def _as_list(value: Value) -> Value:
    return list(value) if isinstance(value, tuple) else value


def _same(given: Value, wanted: Value) -> bool:
    try:
        return bool(given == wanted)
    except _ODD:
        return False


def _text(value: str) -> str:
    text = json.loads(value)
    return text if isinstance(text, str) else ""


def _same_lines(given: str, wanted: str) -> bool:
    left, right = given.split("\n"), wanted.split("\n")
    return len(left) == len(right) and all(map(_same_line, left, right))


def _same_line(given: str, wanted: str) -> bool:
    given, wanted = given.strip(), wanted.strip()
    if given == wanted:
        return True
    left, right = _decimals(given), _decimals(wanted)
    return left is not None and _same(left, right)


def _decimals(line: str) -> list[Decimal] | None:
    try:
        return [Decimal(word) for word in line.split()]
    except InvalidOperation:
        return None


def _close_lines(given: str, wanted: str) -> bool:
    left, right = ([line.split() for line in text.split("\n") if line.strip()] for text in (given, wanted))
    return len(left) == len(right) and all(
        len(words) == len(others) and all(map(_close, words, others)) for words, others in zip(left, right, strict=True)
    )


def _close(given: str, wanted: str) -> bool:
    """Whether two words are the same, or floats that are; an expected whole number is met exactly."""
    if given == wanted:
        return True
    if _INT.fullmatch(wanted) and _INT.fullmatch(given):
        return False
    try:
        one, other = float(given), float(wanted)
    except ValueError:
        return False
    return abs(one - other) <= _ABSOLUTE + _RELATIVE * abs(other) if math.isfinite(other) else one == other
