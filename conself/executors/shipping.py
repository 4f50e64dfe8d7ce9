"""Files of a task for machines that share no folder with the driver: there and back through Ray's memory.

The driver packs the files that a task names, and the beginnings of those that it is to write; an actor lays them out in
a folder of its own, below the same names, and reports how they change. Tables come back whole; journals, which only
grow, by what was added. Folders travel only as adapters of models; a base model lies on every machine, or in the hub.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from conself.records import ModelRef

Value = TypeVar("Value")
Cargo = Mapping[str, bytes]
"""What files hold, by their absolute paths."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a file: it is ``whole`` (``data``), has ``data`` added at byte ``offset``, or is ``gone``."""

    path: str
    kind: Literal["whole", "added", "gone"]
    offset: int
    data: bytes


def mapped(value: Value, change: Callable[[Any], Any]) -> Value:
    """A value with ``change`` applied to every path and model in it, through tuples, lists, dicts and dataclasses."""
    there: Any = value
    found = there
    if isinstance(there, Path | ModelRef):
        found = change(there)
    elif type(there) in (tuple, list):
        items = [mapped(item, change) for item in there]
        if any(new is not old for new, old in zip(items, there, strict=True)):
            found = type(there)(items)
    elif type(there) is dict:
        found = {key: mapped(item, change) for key, item in there.items()}
    elif is_dataclass(there) and not isinstance(there, type):
        members = {each.name: getattr(there, each.name) for each in fields(there)}
        changed = {name: new for name, old in members.items() if (new := mapped(old, change)) is not old}
        if changed:
            found = copy(there)
            for name, item in changed.items():
                object.__setattr__(found, name, item)  # it may be frozen
    result: Value = found
    return result


def named_in(task: object) -> tuple[list[Path], list[Path]]:
    """The paths that a task names, and the adapters of its models."""
    paths: list[Path] = []
    adapters: list[Path] = []

    def note(value: Path | ModelRef) -> Path | ModelRef:
        if isinstance(value, Path):
            paths.append(value)
        elif value.adapter is not None:
            adapters.append(Path(value.adapter))
        return value

    mapped(task, note)
    return paths, adapters


def packed(task: object, there: set[str]) -> Cargo:
    """The files that a task names, and what there is of those that it is to write: their journals.

    Adapters are packed but for those that are ``there``; they are afterwards.
    """
    paths, adapters = named_in(task)
    cargo = {}
    for path in paths:
        begun = [path] if path.is_file() else [] if path.exists() else path.parent.glob(f"{path.stem}.*")
        cargo.update({str(file.absolute()): file.read_bytes() for file in begun})
    for folder in adapters:
        if str(folder) not in there:
            files = [path for path in folder.rglob("*") if path.is_file()]
            cargo.update({str(file.absolute()): file.read_bytes() for file in files})
            there.add(str(folder))
    return cargo


class Mirror:
    """A folder of this process that holds files below their names on the driver: a task's, and adapters."""

    def __init__(self) -> None:
        _sweep()
        self.root = Path(tempfile.gettempdir(), f"{_PREFIX}{os.getpid()}")
        self._adapters: list[Path] = []
        self._known: dict[Path, tuple[int, int]] = {}  # inode and size
        self._watched: set[Path] = set()

    def unpacked(self, task: Value, cargo: Cargo) -> Value:
        """Lay the files out, in place of the last task's; the task with their names here."""
        self.clear()
        paths, self._adapters = named_in(task)
        for name, data in cargo.items():
            path = self._here(Path(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        for path in map(self._here, paths):
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                self._watched.add(path.parent)
        self._known = {path: _state(path) for path in self._files()}
        return mapped(task, self._moved)

    def named_as_before(self, item: Value) -> Value:
        """An item that a task has yielded, with the driver's names for files."""

        def back(value: Path | ModelRef) -> Path | ModelRef:
            is_here = isinstance(value, Path) and value.is_relative_to(self._tasks)
            return self._named(value) if is_here and isinstance(value, Path) else value

        return mapped(item, back)

    def changes(self) -> tuple[Change, ...]:
        """What has become of the watched files since the last call: those that are there, then those that are gone."""
        now = {path: _state(path) for path in self._files()}
        found = [self._change(path, state) for path, state in now.items() if self._known.get(path) != state]
        found += [Change(str(self._named(path)), "gone", 0, b"") for path in self._known if path not in now]
        self._known = now
        return tuple(found)

    def clear(self) -> None:
        """Remove the files of the last task; adapters stay, since what was loaded goes by their names."""
        shutil.rmtree(self._tasks, ignore_errors=True)
        self._known, self._watched = {}, set()

    @property
    def _tasks(self) -> Path:
        return self.root / "task"

    def _here(self, path: Path) -> Path:
        is_kept = any(path.is_relative_to(folder.absolute()) for folder in self._adapters)
        return (self.root / "adapters" if is_kept else self._tasks) / path.absolute().relative_to("/")

    def _named(self, path: Path) -> Path:
        return Path("/") / path.relative_to(self._tasks)

    def _moved(self, value: Path | ModelRef) -> Path | ModelRef:
        if isinstance(value, Path):
            return self._here(value)
        return (
            value if value.adapter is None else replace(value, adapter=str(self._here(Path(value.adapter).absolute())))
        )

    def _change(self, path: Path, state: tuple[int, int]) -> Change:
        before = self._known.get(path)
        offset = before[1] if before is not None and before[0] == state[0] and before[1] < state[1] else 0
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(state[1] - offset)
        return Change(str(self._named(path)), "added" if offset else "whole", offset, data)

    def _files(self) -> Iterator[Path]:
        for folder in self._watched:
            yield from (path for path in sorted(folder.iterdir()) if path.is_file() and path.name[0] != ".")


def apply(change: Change) -> None:
    """Do to the driver's file what became of its copy.

    Raises:
        OSError: there is no room, or no right to write.
    """
    path = Path(change.path)
    if change.kind == "gone":
        path.unlink(missing_ok=True)
    elif change.kind == "added" and path.exists():
        with path.open("r+b") as file:
            file.truncate(change.offset)
            file.seek(change.offset)
            file.write(change.data)
    elif change.kind == "whole":
        temporary = path.with_name(f".{path.name}.{os.getpid()}.writing")
        try:
            temporary.write_bytes(change.data)
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


_PREFIX = "conself-actor-"


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_ino, found.st_size


def _sweep() -> None:
    """Remove what actors that were killed have left on this machine."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)
