"""Read rows of EvalPlus's own files, which hold inputs (``base_input``, ``plus_input``) instead of tests."""

import ast
from collections.abc import Callable, Sequence

from conself.datasets.files.rows import Row
from conself.harness.standin import NotLiteral, literal
from conself.oracles import EvalPlusOracle
from conself.sandbox.sources import Value, parse

Arguments = Sequence[Value]
Convert = Callable[[Value], Value]


class WrongFileError(ValueError):
    """A file belongs to another data set: none of its rows can be used, whatever ``strict`` says."""


def is_own_form(row: Row) -> bool:
    """Return whether a row is of EvalPlus's own files; if one of the two fields is missing, that is reported later."""
    return "base_input" in row or "plus_input" in row


def check_test(test: str, name: str) -> None:
    """Check that the test of a row in the hub's form is EvalPlus's, which iterates over a list called ``inputs``.

    Raises:
        WrongFileError: it is HumanEval's or MBPP's own test, which accepts too many answers.
    """
    try:
        nodes = list(ast.walk(parse(test)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # a malformed record, which is dropped and counted
    if not any(isinstance(n, ast.Name) and n.id == "inputs" and isinstance(n.ctx, ast.Store) for n in nodes):
        raise WrongFileError(
            f"{name} has no base_input and plus_input, and its test is not EvalPlus's: this is a file of the original "
            "benchmark; set dataset.path to EvalPlus's own file or the hub's copy, or choose the benchmark without plus"
        )


def argument_lists(row: Row, field: str, convert: Callable[[Arguments], Arguments]) -> tuple[str, ...]:
    """Convert the inputs of one field to literals of argument tuples.

    Raises:
        KeyError: there is no such field.
        TypeError: it holds no list of argument lists. An empty object stands for an empty list (Mbpp/793).
        ValueError: an argument has no literal.
    """
    value = row[field]
    if value != {} and not (isinstance(value, list) and all(isinstance(item, list) for item in value)):
        raise TypeError(f"{field} must be a list of argument lists")
    try:
        return tuple(literal(tuple(convert(arguments))) for arguments in value)
    except NotLiteral:
        raise ValueError(f"{field} holds an argument that has no literal") from None


def tolerance(row: Row) -> float:
    """Read the field ``atol``; raises KeyError or TypeError."""
    if type(row["atol"]) not in (int, float):
        raise TypeError(f"atol must be a number, got {row['atol']!r}")
    return float(row["atol"])


def oracle(row: Row, family: str, problem_id: str, program: str, entry_point: str, base: int) -> EvalPlusOracle:
    """Build the oracle of a row, without outputs until its program has run; ``base`` counts its base inputs."""
    return EvalPlusOracle(problem_id, program, (), f"{family}/{entry_point}", tolerance(row), base)


def as_they_are(arguments: Arguments) -> Arguments:
    """Return arguments as they are in JSON."""
    return arguments


def mbpp_arguments(problem_id: str) -> Callable[[Arguments], Arguments]:
    """Convert a problem's JSON arguments to the types that MBPP's functions take, as EvalPlus does.

    Source: ``mbpp_deserialize_inputs`` of evalplus 0.3.1.
    """
    return _MBPP.get(problem_id, as_they_are)


def _each(convert: Convert) -> Callable[[Arguments], Arguments]:
    return lambda arguments: [convert(value) for value in arguments]


def _first(convert: Convert) -> Callable[[Arguments], Arguments]:
    return lambda arguments: [convert(arguments[0]), *arguments[1:]]


def _second(convert: Convert) -> Callable[[Arguments], Arguments]:
    return lambda arguments: [arguments[0], convert(arguments[1]), *arguments[2:]]


def _tuples(values: Value) -> list[Value]:
    return [tuple(value) for value in values]


def _tuple_of_tuples(values: Value) -> tuple[Value, ...]:
    return tuple(_tuples(values))


def _tuple_with_tuples(values: Value) -> tuple[Value, ...]:
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


def _sets(values: Value) -> list[Value]:
    return [set(value) if isinstance(value, list) and value else {} for value in values]  # {}: a dict, as EvalPlus has


def _deep(value: Value) -> Value:
    return tuple(map(_deep, value)) if isinstance(value, list) else value


def _tuple_values(value: Value) -> dict[str, Value]:
    return {key: tuple(item) for key, item in value.items()}


_GROUPS: Sequence[tuple[str, Callable[[Arguments], Arguments]]] = (
    ("2 116 132 143 222 261 273 394 399 421 424 429 470 560 579 596 616 630 726 740 744 809", _each(tuple)),
    ("63 64 70 94 120 237 272 299 400 409 417 438 473 614 780", _each(_tuples)),
    ("75 413 444 753", _first(_tuples)),
    ("106 750", _second(tuple)),
    ("115", _first(_sets)),
    ("124", lambda arguments: [float(arguments[0]), complex(arguments[1])]),
    ("250 307 405 446 617 720 763 808", _first(tuple)),
    ("259 401 445", _each(_tuple_of_tuples)),
    ("278", _each(_tuple_with_tuples)),
    ("722", _first(_tuple_values)),
    ("252", _first(complex)),
    ("580 615 791", _each(_deep)),
)
_MBPP = {f"Mbpp/{number}": convert for numbers, convert in _GROUPS for number in numbers.split()}
