"""Assign tasks to workers, by pure functions from a board and an event to the next board.

The duration of a task is unknown, so no task is assigned in advance: a free worker takes the next one (list scheduling,
Graham 1966). A task whose worker died comes first, because a late start would delay the end of the run, and goes to
another machine if there is one, because the machine may be the cause. ``tests/executors/test_assignment.py`` runs
boards against simulated machines.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Seat:
    """A worker and its machine, each by name."""

    name: str
    machine: str


@dataclass(frozen=True, slots=True)
class Board:
    """The state of all tasks, by number.

    ``waiting`` tasks are in order; ``running`` maps a seat's name to its task; ``deaths`` maps a task to the machines
    on which it died; ``lost`` tasks are not tried again.
    """

    waiting: tuple[int, ...]
    running: Mapping[str, int] = field(default_factory=dict)
    deaths: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    lost: tuple[int, ...] = ()

    @property
    def is_over(self) -> bool:
        """Return whether every task is done or lost."""
        return not self.waiting and not self.running


def assigned(board: Board, free: Sequence[Seat], machines: frozenset[str]) -> tuple[Board, list[tuple[Seat, int]]]:
    """Assign one waiting task to each free seat, while there are any; return the next board and the assignments.

    A task goes to a machine on which it died only if it died on all of ``machines``.
    """
    waiting, running, assignments = list(board.waiting), dict(board.running), []
    for seat in free:
        number = next((task for task in waiting if _may_go(board, task, seat.machine, machines)), None)
        if number is not None:
            waiting.remove(number)
            running[seat.name] = number
            assignments.append((seat, number))
    return replace(board, waiting=tuple(waiting), running=running), assignments


def finished(board: Board, seat: Seat) -> Board:
    """Return the board after the seat has finished its task."""
    return replace(board, running=_without(board, seat))


def returned(board: Board, seat: Seat) -> Board:
    """Return the board with the seat's task first in line again; the task is not blamed for the failure."""
    number = board.running[seat.name]
    return replace(board, waiting=(number, *board.waiting), running=_without(board, seat))


def died(board: Board, seat: Seat, tries: int) -> Board:
    """Return the board after the seat died: its task is first in line, or lost if it has died ``tries`` times."""
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
