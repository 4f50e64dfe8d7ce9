"""Send the files of a task to machines that share no folder with the driver, and back, through Ray's memory.

The driver packs the files that a task names, and the existing journals of those that it will write; an actor writes
them into a folder of its own, below the same names, and reports how they change. Tables are sent back whole; of
journals, which only grow, only the added bytes are sent. The only folders sent are adapters of models; a base model
must be on every machine, or in the hub.
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
"""The contents of files, by absolute path."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a file: ``data`` is its ``whole`` content, or ``added`` at byte ``offset``; or it is ``gone``."""

    path: str
    kind: Literal["whole", "added", "gone"]
    offset: int
    data: bytes


def mapped(value: Value, change: Callable[[Any], Any]) -> Value:
    """Return a value with ``change`` applied to every path and model in its tuples, lists, dicts and dataclasses."""
    original: Any = value
    changed_value = original
    if isinstance(original, Path | ModelRef):
        changed_value = change(original)
    elif type(original) in (tuple, list):
        items = [mapped(item, change) for item in original]
        if any(new is not old for new, old in zip(items, original, strict=True)):
            changed_value = type(original)(items)
    elif type(original) is dict:
        changed_value = {key: mapped(item, change) for key, item in original.items()}
    elif is_dataclass(original) and not isinstance(original, type):
        members = {each.name: getattr(original, each.name) for each in fields(original)}
        changed = {name: new for name, old in members.items() if (new := mapped(old, change)) is not old}
        if changed:
            changed_value = copy(original)
            for name, item in changed.items():
                object.__setattr__(changed_value, name, item)  # it may be frozen
    result: Value = changed_value
    return result


def named_in(task: object) -> tuple[list[Path], list[Path]]:
    """Return the paths that a task names, and the adapters of its models."""
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
    """Return the files that a task names, and the existing journals of those that it will write.

    Adapters are packed unless they are in ``there``, to which packed ones are added.
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
    """A folder of this process with the files of a task and adapters, below their paths on the driver."""

    def __init__(self) -> None:
        _sweep()
        self.root = Path(tempfile.gettempdir(), f"{_PREFIX}{os.getpid()}")
        self._adapters: list[Path] = []
        self._known: dict[Path, tuple[int, int]] = {}  # inode and size
        self._watched: set[Path] = set()

    def unpacked(self, task: Value, cargo: Cargo) -> Value:
        """Write the files in place of the last task's, and return the task with their local paths."""
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
        """Return an item that a task has yielded, with the driver's paths."""

        def back(value: Path | ModelRef) -> Path | ModelRef:
            is_here = isinstance(value, Path) and value.is_relative_to(self._tasks)
            return self._named(value) if is_here and isinstance(value, Path) else value

        return mapped(item, back)

    def changes(self) -> tuple[Change, ...]:
        """Return the changes of watched files since the last call: new and changed files, then removed ones."""
        now = {path: _state(path) for path in self._files()}
        changed = [self._change(path, state) for path, state in now.items() if self._known.get(path) != state]
        changed += [Change(str(self._named(path)), "gone", 0, b"") for path in self._known if path not in now]
        self._known = now
        return tuple(changed)

    def clear(self) -> None:
        """Remove the files of the last task; adapters are kept, since loaded models refer to their paths."""
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
    """Apply the change of a copy to the driver's file.

    Raises:
        OSError: the disk is full, or writing is not permitted.
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
    status = path.stat()
    return status.st_ino, status.st_size


def _sweep() -> None:
    """Remove folders that killed actors have left on this machine."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            shutil.rmtree(folder, ignore_errors=True)
