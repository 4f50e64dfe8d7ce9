"""What takes a program's place while its tests run: one that writes down the arguments, one that repeats answers.

The tests of HumanEval, MBPP and their like call a function and assert what comes back. :func:`record` runs them
against a right program and keeps what they call it with; :func:`replay` runs them against answers that were given
elsewhere, so that tests and the programs under test are never in a process together. Both run in the sandbox, as a
program (:func:`source`) of their own; this file uses the standard library only.

Random numbers: the sandbox seeds them before a run, and a right program's own draws are undone, so that tests that
draw their inputs draw the same ones in every run. Arguments are handed over as copies: tests of what a function does
to its arguments cannot be told apart here, and a right program fails them.
"""

import builtins
import copy
import json
import random
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

Value = Any
"""A value of Python; the same as in :mod:`conself.sandbox.sources`, which is not there where this file runs."""
Call = Callable[[Callable[..., object], tuple[Value, ...]], object]


def source() -> str:
    """The text of this file, as a program for the sandbox: its entry points are ``record`` and ``replay``."""
    from pathlib import Path  # here, for it would be loaded in every run of the tests

    return Path(__file__).read_text()


class NotLiteral(BaseException):
    """An argument that cannot be written as a literal. Not an Exception: the tests are not to catch it."""


class NoAnswer(BaseException):
    """A call to which no value belongs: it was not recorded, or the program did not end there."""


class Failed(Exception):  # noqa: N818 - stands for an exception of the program under test
    """The program raised an exception that is not one of Python's own."""


def record(program: str, test: str, entry_point: str) -> list[str]:
    """The arguments of each call of ``entry_point`` by the tests, as literals of tuples, in order of first occurrence.

    Raises:
        NotLiteral: an argument is no literal of builtin values.
        Exception: what the program or its tests raise.
    """
    calls: dict[str, None] = {}

    def observe(right: Callable[..., object], arguments: tuple[Value, ...]) -> object:
        calls.setdefault(literal(arguments))
        state = random.getstate()
        try:
            return right(*copy.deepcopy(arguments))
        finally:
            random.setstate(state)

    _run(program, test, entry_point, observe)
    return list(calls)


def replay(program: str, test: str, entry_point: str, answers: Mapping[str, tuple[str, str]]) -> bool:
    """Run the tests on ``answers``: arguments as written by :func:`record` -> status and canonical value.

    Returns True, or raises as the tests do. ``program`` is a right one, for the helpers that the tests use.
    """

    def answer(_: Callable[..., object], arguments: tuple[Value, ...]) -> object:
        status, value = answers.get(literal(arguments), ("unknown", ""))
        return decode(json.loads(value)) if status == "ok" else _fail(status, value)

    _run(program, test, entry_point, answer)
    return True


def _run(program: str, test: str, entry_point: str, call: Call) -> None:
    """The program, then the tests in a copy of its namespace: its own calls of itself do not go through ``call``."""
    world: dict[str, Value] = {"__name__": __name__}
    exec(compile(program, "<program>", "exec", dont_inherit=True), world)
    right = world[entry_point]

    def stand_in(*arguments: Value, **named: Value) -> object:
        return call(right, _positions(right, arguments, named) if named else arguments)

    exec(compile(test, "<test>", "exec", dont_inherit=True), {**world, entry_point: stand_in})


def _positions(
    function: Callable[..., object], arguments: tuple[Value, ...], named: dict[str, Value]
) -> tuple[Value, ...]:
    import inspect  # rarely needed, and dear

    bound = inspect.signature(function).bind(*arguments, **named)
    if bound.kwargs:
        raise NotLiteral
    return bound.args


def _fail(status: str, name: str) -> NoReturn:
    if status != "exception":
        raise NoAnswer
    kind = getattr(builtins, name, None)
    if isinstance(kind, type) and issubclass(kind, Exception):
        raise kind.__new__(kind)
    raise Failed(name)


def literal(value: Value) -> str:
    """The text that ``ast.literal_eval`` reads as an equal value: its repr, with infinity as ``1e999``.

    Raises:
        NotLiteral: it holds something else than exact builtin values that have literals.
    """
    kind = type(value)
    if kind is dict:
        return "{" + ", ".join([f"{literal(k)}: {literal(v)}" for k, v in value.items()]) + "}"
    if kind is set and not value:
        return "set()"
    if kind in _ENDS:
        opening, closing = _ENDS[kind]
        comma = "," if kind is tuple and len(value) == 1 else ""
        return f"{opening}{', '.join([literal(item) for item in value])}{comma}{closing}"
    if kind not in _PLAIN or value != value:  # nan has no literal
        raise NotLiteral
    return repr(value).replace("inf", "1e999") if kind in (float, complex) else repr(value)


_ENDS: dict[type, tuple[str, str]] = {list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}")}
_PLAIN = (type(None), bool, int, float, complex, str, bytes)


class Opaque:
    """An object of a program: equal to nothing, so that no answer can claim to be equal to what is expected."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = object.__hash__


def decode(node: object) -> object:
    """The value behind the parsed JSON of its canonical form (see ``conself.sandbox.canonical``)."""
    if type(node) is list:
        return [decode(item) for item in node]
    if type(node) is not dict:
        return node
    ((tag, body),) = node.items()
    return _TAGS[tag](body)


def _standard(body: list[Value]) -> object:
    name, content = body
    make = _STANDARD.get(name)
    try:
        return Opaque() if make is None else make(decode(content))
    except (ValueError, TypeError, ArithmeticError):  # a program can forge what it gives, and gains nothing
        return Opaque()


def _object(body: list[Value]) -> object:
    """A Fraction, which is a number; of other classes there are no objects here."""
    if body[:3] + body[4:5] == ["Fraction", None, "_denominator", "_numerator"] and len(body) == 6:
        from fractions import Fraction  # rarely needed

        below, above = decode(body[3]), decode(body[5])
        return Fraction(above, below) if type(above) is type(below) is int and below else Opaque()
    return Opaque()


def _decimal(text: Value) -> object:
    from decimal import Decimal  # rarely needed

    return Decimal(text)


def _deque(items: Value) -> object:
    from collections import deque  # rarely needed

    return deque(items)


def _moment(name: str) -> Callable[[Value], object]:
    def make(text: Value) -> object:
        import datetime  # rarely needed

        return getattr(datetime, name).fromisoformat(text)

    return make


def _timedelta(parts: Value) -> object:
    from datetime import timedelta  # rarely needed

    return timedelta(*parts)


def _pairs(items: Value) -> object:
    return dict(items).items()


_STANDARD: dict[str, Callable[[Value], object]] = {
    "Decimal": _decimal,
    "deque": _deque,
    "range": lambda content: range(content[0], content[0] + content[1] * content[2], content[1]),
    "iterator": iter,
    "dict_keys": lambda items: dict.fromkeys(items).keys(),
    "dict_values": lambda items: dict(enumerate(items)).values(),
    "dict_items": _pairs,
    **{name: _moment(name) for name in ("date", "time", "datetime")},
    "timedelta": _timedelta,
    "Ellipsis": lambda _: ...,
    "NotImplemented": lambda _: NotImplemented,
}
"""What the tests of a benchmark may take apart; of other types an answer is equal to nothing."""
_TAGS: dict[str, Callable[[Value], object]] = {
    "t": lambda body: tuple(map(decode, body)),
    "s": lambda body: set(map(decode, body)),
    "S": lambda body: frozenset(map(decode, body)),
    "d": lambda body: {decode(key): decode(value) for key, value in body},
    "i": lambda body: int(body, 16),
    "f": float,
    "c": lambda body: complex(*map(float, body)),
    "b": bytes.fromhex,
    "B": bytearray.fromhex,
    "r": lambda _: Opaque(),
    "x": _standard,
    "O": _object,
    "o": lambda _: Opaque(),
}
