"""What each machine of a cluster is at: a line every few seconds, and a file for ``conself status``.

The driver writes the file beside the lock of the artifact that it makes, where anybody who sees the store can read it.
"""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from conself.executors.assignment import Board, Seat
from conself.runtime.console import new_console, say
from conself.runtime.locks import innermost_lock
from conself.runtime.progress import SECONDS

SUFFIX = ".machines"
_FILE_SECONDS = 5.0  # from one version of the file to the next


@dataclass(frozen=True, slots=True)
class Share:
    """A machine's part of some tasks: its host name, its actors, the tasks that they have done and those they hold."""

    host: str
    actors: int
    done: int
    held: int

    def __str__(self) -> str:
        actors = f"{self.actors} actor{'s' * (self.actors != 1)}"
        return f"{self.host} ({actors}) {self.done} done, {self.held} under way"


@dataclass(frozen=True, slots=True)
class Tally:
    """The state of ``tasks`` tasks of the actors called ``label``, by machine; ``lost`` ones are not tried again."""

    label: str
    tasks: int
    lost: int
    machines: tuple[Share, ...]

    def __str__(self) -> str:
        done, actors = (sum(getattr(share, name) for share in self.machines) for name in ("done", "actors"))
        lost = f", {self.lost} lost" if self.lost else ""
        on = f"{actors} actor{'s' * (actors != 1)} on {len(self.machines)} machine{'s' * (len(self.machines) != 1)}"
        shares = "; ".join(map(str, self.machines)) or "none has started yet"
        return f"{self.label}: {done:,}/{self.tasks:,} tasks done{lost}, {on}: {shares}"

    @classmethod
    def of(
        cls, label: str, tasks: int, board: Board, seats: Sequence[Seat], done: Counter[str], hosts: Mapping[str, str]
    ) -> Self:
        """Count by machine; ``hosts`` has the host names of machines, also of those that have no actors any more."""
        actors = Counter(seat.machine for seat in seats)
        held = Counter(seat.machine for seat in seats if seat.name in board.running)
        machines = sorted(set(actors) | set(done), key=lambda machine: (hosts[machine], machine))
        shares = (Share(hosts[each], actors[each], done[each], held[each]) for each in machines)
        return cls(label, tasks, len(board.lost), tuple(shares))


class Bulletin:
    """Shows tallies while a block of tasks runs: on standard error every 20 s, in a file from the start."""

    def __init__(self, label: str) -> None:
        lock, now = innermost_lock(), time.monotonic()
        self._file = None if lock is None else lock.with_name(f"{lock.stem}.{label}{SUFFIX}")
        self._next_line, self._next_file = now + SECONDS, now

    def is_due(self) -> bool:
        """Return whether it is time for another tally."""
        return time.monotonic() >= min(self._next_line, self._next_file)

    def show(self, tally: Tally) -> None:
        """Print the tally, write it, or both, as is due."""
        now = time.monotonic()
        if now >= self._next_line:
            self._next_line = now + SECONDS
            say(new_console(stderr=True), str(tally))
        if now >= self._next_file:
            self._next_file = now + _FILE_SECONDS
            if self._file is not None:
                with suppress(OSError):  # a full disk is told by whoever writes results
                    self._file.write_text(json.dumps(asdict(tally)))

    def close(self) -> None:
        """Remove the file: the tasks are over."""
        if self._file is not None:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)


def read_tally(file: Path) -> Tally | None:
    """Read a tally; None if the file is gone, or incomplete."""
    try:
        row = json.loads(file.read_text())
        return Tally(row["label"], row["tasks"], row["lost"], tuple(Share(**share) for share in row["machines"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
