"""Finished jobs on disk, so that a killed run can resume. Standard library only.

A journal is a file of JSON lines, one per finished job, appended when the job is done::

    {"key": "<64 hex digits>", "id": "p", "outcomes": [["ok", "2"], ["timeout", ""]], "rows": [[0, 0], [0, 1]],
     "exact": [false, true], "audit": [null, "agreed"]}

``outcomes`` holds each distinct (status, value) of the job once, since long values repeat over programs;
``rows[p][i]`` is the index there of program p's outcome on input i; ``exact`` and ``audit`` are the notes, one per
program. ``key`` is SHA-256 over the job and everything that determines its outcomes: a changed job, another
limit or another Python has another key and is run again. After a kill the last line may be incomplete; the next start
cuts it off.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from conself.sandbox.engine import execute
from conself.sandbox.jobs import Job, Limits, check_job, check_limits
from conself.sandbox.lines import Finished, damaged, is_torn, key, key_of, pack, parse, read, setting
from conself.sandbox.results import Result

__all__ = ["Finished", "Journal", "read", "resume"]


def resume(path: Path, jobs: Iterable[Job], limits: Limits, workers: int) -> Iterator[Result]:
    """Execute as :func:`~conself.sandbox.execute`, with finished jobs kept at ``path`` and not run again.

    First come the results that are on disk, in the order of ``jobs``, then the others as they finish. At the end the
    file holds these jobs in this order and no others. ``jobs`` is iterated three times, lazily: pass a list, or an
    object whose ``__iter__`` starts again. Only one process at a time can use a journal.

    Raises:
        ValueError: as by execute; ``jobs`` is an iterator; or a line of the file is damaged (names file and line).
        OSError: another process uses the file, or it cannot be written.
        IsolationError, RuntimeError: as by execute.
    """
    check_limits(limits, workers)
    if isinstance(jobs, Iterator):
        raise ValueError("jobs to resume are read more than once: give a list, or an iterable that can start again")
    if isinstance(jobs, Sequence):
        for job in jobs:
            check_job(job)
    return _resume(path, jobs, limits, workers)


def _resume(path: Path, jobs: Iterable[Job], limits: Limits, workers: int) -> Iterator[Result]:
    with Journal(path, limits) as journal:
        yield from journal.finished(jobs)
        yield from journal.run(jobs, workers)


class Journal:
    """An open journal, locked against other processes; memory grows only by the key of each line.

    Raises ValueError if limits are out of range or a line of the file is not a journal's, OSError if another process
    uses the file.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        check_limits(limits, workers=1)
        self.path = path
        self._setting = setting(limits)
        self._limits = limits
        self._places: dict[bytes, tuple[int, int]] = {}  # key -> offset and length of its last line
        self._file: int | None = _open_locked(path)
        try:
            self._end = self._index()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def find(self, job: Job) -> Result | None:
        """Read the result of a job from disk; None if there is none; ValueError if its line is damaged."""
        place = self._places.get(self._key(job))
        if place is None:
            return None
        line = self._read(place)
        try:
            found = parse(line)
            if len(found.rows) != len(job.programs) or any(len(row) != len(job.inputs) for row in found.rows):
                raise ValueError("rows of another shape than the job's")
        except ValueError as error:
            raise damaged(self.path, self._number(place[0])) from error
        return Result(job, found.rows, found.notes)

    def append(self, result: Result) -> None:
        """Append a result, flushed to the operating system. OSError if the disk is full."""
        name = self._key(result.job)
        line, written = memoryview(pack(name, result)), 0
        try:
            while written < len(line):
                written += os.write(self._fileno(), line[written:])
        except BaseException as error:
            os.ftruncate(self._fileno(), self._end)
            if isinstance(error, OSError):
                raise OSError(error.errno, error.strerror, str(self.path)) from error
            raise
        self._places[name] = self._end, written
        self._end += written

    def finished(self, jobs: Iterable[Job]) -> Iterator[Result]:
        """Read the results of these jobs from disk, in their order."""
        return (result for job in jobs if (result := self.find(job)) is not None)

    def run(self, jobs: Iterable[Job], workers: int) -> Iterator[Result]:
        """Run the jobs that are not on disk, append each result and yield it; then :meth:`settle`.

        Raises as :func:`resume` does.
        """
        known = frozenset(self._places)
        for result in execute((job for job in jobs if self._key(job) not in known), self._limits, workers):
            self.append(result)
            yield result
        self.settle(jobs)

    def settle(self, jobs: Iterable[Job]) -> None:
        """Rewrite the file with the lines of these jobs, which must all exist, in their order, and close it."""
        places = [self._places[name] for name in dict.fromkeys(map(self._key, jobs))]
        offset = 0
        for start, length in places:
            offset = offset + length if start == offset else -1
        path = Path(os.path.realpath(self.path))
        temporary = path.with_name(f".{path.name}.writing")
        try:
            if offset != self._end:
                with temporary.open("wb") as file:
                    file.writelines(map(self._read, places))
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        self.close()

    def delete(self) -> None:
        """Close and remove the file, when its results are stored elsewhere."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Release the file for other processes; a second call does nothing."""
        if self._file is not None:
            os.close(self._file)
        self._file = None

    def _fileno(self) -> int:
        if self._file is None:
            raise ValueError(f"the journal {self.path} is closed")
        return self._file

    def _key(self, job: Job) -> bytes:
        return key(self._setting, job)

    def _read(self, place: tuple[int, int]) -> bytes:
        with open(self._fileno(), "rb", closefd=False) as file:
            file.seek(place[0])
            return file.read(place[1])

    def _index(self) -> int:
        """Index the lines, and cut off an incomplete one; return the size of the file."""
        end = 0
        with open(self._fileno(), "rb", closefd=False) as file:
            for number, line in enumerate(file, 1):
                if is_torn(line):
                    os.ftruncate(self._fileno(), end)
                    break
                name = key_of(line)
                if name is None:
                    raise damaged(self.path, number)
                self._places[name] = end, len(line)
                end += len(line)
        return end

    def _number(self, offset: int) -> int:
        with open(self._fileno(), "rb", closefd=False) as file:
            file.seek(0)
            return next(number for number, line in enumerate(file, 1) if (offset := offset - len(line)) < 0)


def _open_locked(path: Path) -> int:
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.exists(path) and os.path.samestat(os.fstat(file), os.stat(path)):
                return file
        except BlockingIOError:
            os.close(file)
            raise BlockingIOError(f"{path} is used by another process: wait for it, or give another file") from None
        os.close(file)  # its last user deleted or replaced it in the meantime
