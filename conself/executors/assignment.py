"""Which task goes where: pure functions from a board and what has happened to the next board.

Nobody knows how long a task takes, so none is promised to anyone: whoever is free takes the next one (list scheduling,
Graham 1966). What has died comes first, since nothing ends later than what starts late, and goes to another machine
where there is one, since the machine may be why. The boards of a run are played against simulated machines in
``tests/executors/test_assignment.py``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Seat:
    """A worker by its name, on a machine by its own."""

    name: str
    machine: str


@dataclass(frozen=True, slots=True)
class Board:
    """Tasks by their numbers: who waits, in which order; whose seat works on which; where each died; which are lost."""

    waiting: tuple[int, ...]
    running: Mapping[str, int] = field(default_factory=dict)
    deaths: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    lost: tuple[int, ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether every task is done or lost."""
        return not self.waiting and not self.running


def assigned(board: Board, free: Sequence[Seat], machines: frozenset[str]) -> tuple[Board, list[tuple[Seat, int]]]:
    """Give the free seats tasks, one each, as long as there are any; the board after it, and who got what.

    A task goes to a machine on which it died only where it died on all of ``machines``.
    """
    waiting, running, given = list(board.waiting), dict(board.running), []
    for seat in free:
        number = next((task for task in waiting if _may_go(board, task, seat.machine, machines)), None)
        if number is not None:
            waiting.remove(number)
            running[seat.name] = number
            given.append((seat, number))
    return replace(board, waiting=tuple(waiting), running=running), given


def finished(board: Board, seat: Seat) -> Board:
    """The seat has done its task."""
    return replace(board, running=_without(board, seat))


def returned(board: Board, seat: Seat) -> Board:
    """The seat cannot do its task, which is no fault of the task: it is the next to be given away."""
    number = board.running[seat.name]
    return replace(board, waiting=(number, *board.waiting), running=_without(board, seat))


def died(board: Board, seat: Seat, tries: int) -> Board:
    """The seat died over its task, which is the next to be given away, or lost if it has died ``tries`` times."""
    number = board.running[seat.name]
    places = (*board.deaths.get(number, ()), seat.machine)
    after = replace(board, running=_without(board, seat), deaths={**board.deaths, number: places})
    if len(places) < tries:
        return replace(after, waiting=(number, *board.waiting))
    return replace(after, lost=(*board.lost, number))


def _may_go(board: Board, task: int, machine: str, machines: frozenset[str]) -> bool:
    places = board.deaths.get(task, ())
    return machine not in places or machines <= set(places)


def _without(board: Board, seat: Seat) -> dict[str, int]:
    return {name: task for name, task in board.running.items() if name != seat.name}
