"""Run tasks on the actors of a crew: assign them, collect items, replace dead actors, and try again."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from conself import __version__
from conself.executors.actor import About, Batch
from conself.executors.assignment import Board, assigned, died, finished, returned
from conself.executors.executor import LostTasksError
from conself.executors.shipping import apply, packed
from conself.executors.tally import Bulletin, Tally
from conself.runtime.console import new_console, say
from conself.sandbox import IsolationError

if TYPE_CHECKING:
    from conself.executors.crew import Crew, Member

_POLL_SECONDS = 1.0
_PATIENCE_SECONDS = 30.0  # until a message says that no actor has started


class Dispatch:
    """Tasks that a crew works on, and the board with the state of each."""

    def __init__(self, crew: Crew, function: Callable[..., Iterable[Any]], tasks: Sequence[tuple[Any, ...]]) -> None:
        self.crew, self.function, self.tasks = crew, function, tasks
        self.board = Board(tuple(range(len(tasks))))
        self._done: Counter[str] = Counter()  # tasks by machine
        self._hosts: dict[str, str] = {}
        self._bulletin = Bulletin(crew.kind.label)
        self._patient_until = time.monotonic() + _PATIENCE_SECONDS

    def items(self, is_over: Callable[[], bool]) -> Iterator[Any]:
        """Yield the items of the tasks as they arrive, until all are done or ``is_over()``.

        Raises:
            ChildProcessError: no machine is left, or a request to an actor raised an error.
            Exception: the error of a task, as :meth:`_has_failed` raises it.
        """
        self.crew.fill(now=True)
        while not self.board.is_over:
            self._hand_out()
            self._tell()
            self._see_that_somebody_works()
            for member in self._answering():
                yield from self._heard(member)
            if not self.board.is_over and is_over():
                self._kill_running()
                return
            self.crew.fill()

    def close(self) -> None:
        """Wait for running tasks, so that none writes into an artifact after its lock is released."""
        import ray

        self._bulletin.close()
        for member in self.crew.members:
            if member.seat.name in self.board.running:
                with contextlib.suppress(ray.exceptions.RayError):
                    for ref, turn in member.asked:
                        batch = ray.get(ref)
                        self._write(batch if turn == member.turn else None)
                member.asked.clear()
                member.actor.end.remote()
        self.board = Board((), lost=self.board.lost)

    def _kill_running(self) -> None:
        for member in list(self.crew.members):
            if member.seat.name in self.board.running:
                self.crew.dismiss(member)
        self.board = Board((), lost=self.board.lost)

    def tell_lost(self) -> None:
        """Raise LostTasksError if any task is lost."""
        if lost := self.board.lost:
            raise LostTasksError(
                f"workers died {self.crew.kind.tries} times over each of {len(lost)} of {len(self.tasks)} tasks, most "
                "likely for lack of memory; the others are done and kept, and the same command tries these again",
                [self.tasks[number] for number in lost],
            )

    def _hand_out(self) -> None:
        started = [member for member in self.crew.members if member.about is not None]
        free = {member.seat: member for member in started if member.seat.name not in self.board.running}
        machines = frozenset(member.node.id for member in started)  # others may never have room
        self.board, assignments = assigned(self.board, list(free), machines)
        for seat, number in assignments:
            member, task = free[seat], self.tasks[number]
            member.turn += 1
            cargo = packed(task, member.adapters) if self.crew.kind.ships else None
            begun = member.actor.begin.remote(member.turn, self.function, task, cargo)
            member.asked.append((begun, member.turn))
            self._ask(member)

    def _tell(self) -> None:
        """Show what each machine is at, when it is time."""
        if self._bulletin.is_due():
            started = [member for member in self.crew.members if member.about is not None]
            self._hosts |= {member.node.id: member.node.host for member in started}
            seats = [member.seat for member in started]
            label, tasks = self.crew.kind.label, len(self.tasks)
            self._bulletin.show(Tally.of(label, tasks, self.board, seats, self._done, self._hosts))

    def _ask(self, member: Member) -> None:
        """Request one batch ahead, so that an actor never waits for the driver's next request."""
        member.asked.append((member.actor.more.remote(member.turn), member.turn))

    def _see_that_somebody_works(self) -> None:
        if not self.crew.members:
            reasons = "; ".join(sorted(set(self.crew.refused.values()))) or "the cluster has none for this work"
            raise ChildProcessError(f"no machine is left to work on: {reasons}")
        if all(member.about is None for member in self.crew.members) and time.monotonic() > self._patient_until:
            gpus = f", each of which wants {self.crew.kind.gpus} GPUs" if self.crew.kind.gpus else ""
            size = len(self.crew.members)
            self.crew.tell(f"none of {size} actors has started yet{gpus}; `ray status` says who has what")

    def _answering(self) -> list[Member]:
        """Return the members whose next answer has arrived, after at most ``_POLL_SECONDS`` of waiting."""
        import ray

        heads = {member.asked[0][0]: member for member in self.crew.members if member.asked}
        if not heads:
            time.sleep(_POLL_SECONDS)
            return []
        ray.wait(list(heads), num_returns=1, timeout=_POLL_SECONDS)
        ready, _ = ray.wait(list(heads), num_returns=len(heads), timeout=0)
        return [heads[ref] for ref in ready]

    def _heard(self, member: Member) -> Iterator[Any]:
        import ray

        if member not in self.crew.members:  # dismissed since its answer arrived
            return
        ref, turn = member.asked.popleft()
        try:
            answer = ray.get(ref)
        except ray.exceptions.RayTaskError as error:
            raise ChildProcessError(f"machine {member.node.host}: {_last_line(error)}") from error
        except ray.exceptions.RayError as error:
            self._has_died(member, _last_line(error))
            return
        if isinstance(answer, About):
            self._has_started(member, answer)
        elif turn == member.turn and member.seat.name in self.board.running:
            yield from self._items_of(member, answer)

    def _items_of(self, member: Member, batch: Batch) -> Iterator[Any]:
        self._write(batch)
        yield from batch.items
        if batch.error is not None:
            self._has_failed(member, batch.error)
        elif batch.is_last:
            self.board = finished(self.board, member.seat)
            self._hosts[member.node.id] = member.node.host
            self._done[member.node.id] += 1
        else:
            self._ask(member)

    def _write(self, batch: Batch | None) -> None:
        for change in batch.changes if batch is not None else ():
            apply(change)

    def _has_started(self, member: Member, about: About) -> None:
        if about.version != __version__:
            self._gone(self.crew.refuse(member.node, f"it has ConSelf {about.version}, and the job {__version__}"))
            return
        member.about = about

    def _has_died(self, member: Member, why: str) -> None:
        if (number := self.board.running.get(member.seat.name)) is not None:
            self.board = died(self.board, member.seat, self.crew.kind.tries)
            tries = f"try {len(self.board.deaths[number])} of {self.crew.kind.tries}"
            say(new_console(stderr=True), f"a worker on machine {member.node.host} died over a task ({tries})")
        if member.about is None:
            self._gone(self.crew.has_failed(member, why))
        else:
            self.crew.dismiss(member)
        self.crew.fill(now=True)

    def _has_failed(self, member: Member, error: Exception) -> None:
        """Exclude a machine that lacks the isolation that a task needs; raise any other error.

        Raises:
            Exception: the error of the task; an OSError gets the machine's name.
            IsolationError: no machine is left.
        """
        if not isinstance(error, IsolationError):
            raise _named(error, member.node.host, self.crew.kind.ships)
        self._gone(self.crew.refuse(member.node, str(error)))
        self.crew.fill(now=True)
        if not self.crew.members:
            raise error

    def _gone(self, members: Sequence[Member]) -> None:
        """Put the tasks of dismissed members in line again, without counting a death."""
        for member in members:
            if member.seat.name in self.board.running:
                self.board = returned(self.board, member.seat)


def _named(error: Exception, host: str, ships: bool) -> Exception:
    if not isinstance(error, OSError) or error.errno is None:
        return error
    remedy = (
        ""
        if ships or not isinstance(error, FileNotFoundError)
        else (": all machines must see the folders of the job at the same place, or choose executor.storage=driver")
    )
    return type(error)(error.errno, f"{error.strerror} on machine {host}{remedy}", error.filename)


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
