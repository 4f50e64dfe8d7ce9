"""Stream problems through one busy engine: a problem enters as others finish, and results leave in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Protocol

from conself.engines.decoding import Decoding
from conself.engines.engine import Ask, Complete, Reply
from conself.engines.engine import Flow as OfSeveral
from conself.records import Candidate, Problem

# Samples submitted per seat of the engine: waiting ones are prepared while the seats are taken.
_QUEUE = 2
# Samples of open problems per seat: how far short samples may run ahead of a long one whose problem is next in order.
_AHEAD = 16

_NOT_YET = Reply("", "", None, None, 0)

Flow = Callable[[Problem, Complete], list[Candidate]]
Deliver = Callable[[int, int, Reply], None]
"""Called with the place of an ask, that of a seed in it, and the reply."""


class Machine(Protocol):
    """The interface of an engine: that of transformers, or :class:`conself.engines.vllm.machine.VllmMachine`."""

    seats: int

    @property
    def live(self) -> int:
        """The number of running samples."""

    def submit(self, asks: Sequence[Ask], decoding: Decoding, deliver: Deliver, turn: int) -> list[str]:
        """Start the samples of ``asks``; return their names.

        ``turn`` is the number of their problem: those of earlier ones should start first, as results leave in order.
        """

    def step(self) -> None:
        """Advance all samples; deliver those that have ended."""

    def abort(self, names: Sequence[str]) -> None:
        """Drop samples."""


class _AwaitedError(Exception):
    """A flow asks for replies that are not there yet: the asks, and how to draw."""

    def __init__(self, asks: Sequence[Ask], decoding: Decoding) -> None:
        super().__init__(asks, decoding)
        self.asks, self.drawn = asks, decoding


@dataclass
class _Open:
    """A running problem: the replies to each of its rounds of asks so far, with the last round incomplete."""

    problem: Problem
    turn: int
    rounds: list[list[list[Reply]]] = field(default_factory=list)
    awaited: int = 0
    names: list[str] = field(default_factory=list)
    done: list[Candidate] | None = None


def stream(problems: Iterable[Problem], flow: Flow, machine: Machine, per_problem: int) -> Iterator[list[Candidate]]:
    """Yield the candidates that ``flow`` makes of each problem, in order; problems are read as the engine needs them.

    ``flow`` is written as if replies came at once. It is run from the start until it asks for something new, then again
    when that has arrived, and so on: it must ask the same given the same replies, and be cheap. So one flow works with
    every engine, and no sample waits for another problem's. ``per_problem`` is the most samples it runs at once.
    """
    source = iter(problems)
    opened: deque[_Open] = deque()
    turns = count()
    exhausted = False
    try:
        while opened or not exhausted:
            while not exhausted and _room(machine, len(opened) * per_problem):
                problem = next(source, None)
                if problem is None:
                    exhausted = True
                else:
                    opened.append(_Open(problem, next(turns)))
                    _advance(opened[-1], flow, machine)
            for course in opened:
                if course.done is None and not course.awaited:
                    _advance(course, flow, machine)
            if opened and opened[0].done is not None:
                yield opened.popleft().done or []
            elif opened:
                machine.step()
    finally:  # also when the reader stops early: the engine serves the next one
        machine.abort([name for course in opened for name in course.names])


def alone(flow: OfSeveral) -> Flow:
    """Return an engine's flow of several problems as one of a single problem."""
    return lambda problem, complete: next(flow([problem], complete))


def _room(machine: Machine, samples: int) -> bool:
    return samples == 0 or (machine.live < _QUEUE * machine.seats and samples < _AHEAD * machine.seats)


def _advance(course: _Open, flow: Flow, machine: Machine) -> None:
    """Run the flow as far as there are replies: to its end, or to new asks, which are submitted."""
    while course.done is None and not course.awaited:
        rounds = iter(course.rounds)
        try:
            course.done = flow(course.problem, partial(_recorded, rounds))
        except _AwaitedError as new:
            replies = [[_NOT_YET] * len(ask.seeds) for ask in new.asks]
            course.rounds.append(replies)
            course.awaited = sum(map(len, replies))
            course.names = machine.submit(new.asks, new.drawn, partial(_deliver, course, replies), course.turn)


def _recorded(rounds: Iterator[list[list[Reply]]], asks: Sequence[Ask], decoding: Decoding) -> list[list[Reply]]:
    for replies in rounds:
        return replies
    raise _AwaitedError(asks, decoding)


def _deliver(course: _Open, replies: list[list[Reply]], ask: int, place: int, reply: Reply) -> None:
    replies[ask][place] = reply
    course.awaited -= 1
