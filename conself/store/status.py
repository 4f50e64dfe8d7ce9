"""The state of a store's artifacts: running, waiting or stopped, with owner and cause.

Only the store and its locks are read, and nothing is written: it may be in use, or a read-only copy.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from conself.executors.tally import SUFFIX, Tally, read_tally
from conself.runtime.locks import Owner, is_held, read_owner
from conself.store.artifacts import MANIFEST

State = Literal["running", "killed", "failed", "stopped"]
_LOCK = re.compile(r"\.([0-9a-f]{64})\.lock")
_STEP = re.compile(r"step-(\d+)")


@dataclass(frozen=True, slots=True)
class Making:
    """An unfinished artifact: its stage, its key and its state.

    ``running``: ``owner`` is working on it. ``killed``: ``owner`` was killed. ``failed``: ``owner`` ended with
    ``error``. ``stopped``: a user ended it. All but the first resume with the same command. ``waiting`` lists other
    processes that want it. ``done`` describes the files on disk, ``changed`` is when they last grew (seconds since the
    epoch; None: nothing is there yet). ``machines`` has what the machines of ``executor=ray`` are at, or were at when
    the job was killed, by kind of actor, with the time of that.
    """

    stage: str
    key: str
    state: State
    owner: Owner | None
    error: str | None
    waiting: tuple[Owner, ...]
    done: str
    changed: float | None
    machines: tuple[tuple[Tally, float], ...]


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """The number of finished artifacts per stage, and all unfinished ones, in the order of stages and keys."""

    finished: dict[str, int]
    making: tuple[Making, ...]


def status_of(root: Path) -> StoreStatus:
    """Read the status of a store; artifacts that disappear meanwhile are left out.

    Raises:
        NotADirectoryError: there is no folder ``root``.
    """
    if not root.is_dir():
        raise NotADirectoryError(f"artifacts={root} is no folder; jobs leave their store where artifacts= says")
    stages = sorted(path for path in root.iterdir() if path.is_dir())
    finished = {stage.name: len(list(stage.glob(f"*/{MANIFEST}"))) for stage in stages}
    making = [artifact for stage in stages for artifact in _making(stage)]
    return StoreStatus({name: number for name, number in finished.items() if number}, tuple(making))


def _making(stage: Path) -> Iterator[Making]:
    for lock in sorted(stage.glob(".*.lock")):
        matched = _LOCK.fullmatch(lock.name)
        if matched is not None:
            with suppress(FileNotFoundError):  # it is finished, or gone, by now
                if (artifact := _one(stage, matched[1], lock)) is not None:
                    yield artifact


def _one(stage: Path, key: str, lock: Path) -> Making | None:
    """Return the state of an artifact; None if it is finished or was never begun."""
    running, partial = is_held(lock), lock.with_suffix(".partial")
    if not running and not partial.is_dir():
        return None
    owner, failure = read_owner(lock.with_suffix(".owner")), _failure(lock.with_suffix(".failed"))
    error = None
    state: State = "running" if running else "stopped"
    if not running and owner is not None:
        state = "killed"
    elif not running and failure is not None:
        state, (owner, error) = "failed", failure
    notes = (read_owner(note) for note in sorted(stage.glob(f".{key}.*.waiting")))
    waiting = tuple(other for other in notes if other is not None and not other.is_gone())
    done, changed = _progress(partial)
    machines = tuple(_machines(stage, key))
    return Making(stage.name, key, state, owner, error, waiting, done, changed, machines)


def _machines(stage: Path, key: str) -> Iterator[tuple[Tally, float]]:
    for file in sorted(stage.glob(f".{key}.*{SUFFIX}")):
        with suppress(FileNotFoundError):  # the tasks are over by now
            when = file.stat().st_mtime
            if (tally := read_tally(file)) is not None:
                yield tally, when


def _failure(note: Path) -> tuple[Owner, str] | None:
    try:
        row = json.loads(note.read_text())
        return Owner(row["pid"], row["host"], row["since"]), str(row["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _progress(partial: Path) -> tuple[str, float | None]:
    """Describe the files in a folder that is being filled, and when it last changed."""
    files = [path for path in partial.rglob("*") if path.is_file()] if partial.is_dir() else []
    tables = sum(path.suffix == ".parquet" for path in files)
    lines = sum(path.read_bytes().count(b"\n") for path in files if path.suffix in (".journal", ".jsonl"))
    steps = [int(matched[1]) for path in files if (matched := _STEP.match(path.name))]
    parts = [_counted(tables, "table"), _counted(lines, "line"), f"checkpoint of step {max(steps)}" if steps else ""]
    return ", ".join(filter(None, parts)) or "nothing yet", max((path.stat().st_mtime for path in files), default=None)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}" if number else ""
