"""Reads what W&B keeps of an offline run: protobuf records in LevelDB's log format, after a header of 7 bytes.

The format is https://github.com/google/leveldb/blob/main/doc/log_format.md; wandb itself has no reader in Python.
"""

import json
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wandb.proto import wandb_internal_pb2 as records

HEADER = struct.Struct("<4sHB")
"""":W&B", 0xBEE1, version."""
CHUNK = struct.Struct("<IHB")
"""CRC-32 of type and data, length, type: 1 whole record, 2 its beginning, 3 its middle, 4 its end."""
BLOCK = 32768


def contents(data: bytes) -> Iterator[bytes]:
    """The records of a file, put together from their chunks; checks what protects them."""
    name, magic, _ = HEADER.unpack_from(data)
    assert (name, magic) == (b":W&B", 0xBEE1)
    position, parts = HEADER.size, b""
    while position < len(data):
        if BLOCK - position % BLOCK < CHUNK.size:  # too little for a chunk: the rest of the block is empty
            position += BLOCK - position % BLOCK
            continue
        checksum, length, kind = CHUNK.unpack_from(data, position)
        position += CHUNK.size
        parts += (piece := data[position : position + length])
        assert zlib.crc32(bytes([kind]) + piece) == checksum
        position += length
        if kind in (1, 4):
            yield parts
            parts = b""


@dataclass
class WandbRun:
    """An offline run: what its dashboard would show. ``history`` has one row per call of log, ``artifacts`` by name."""

    folder: Path
    name: str = ""
    group: str = ""
    kind: str = ""
    tags: tuple[str, ...] = ()
    id: str = ""
    config: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, Any] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    artifacts: dict[str, Any] = field(default_factory=dict)
    steps_of: dict[str, str] = field(default_factory=dict)
    exit_code: int | None = None

    def curve(self, name: str) -> list[tuple[float, float]]:
        """Step and value of every row that has both."""
        return [(row["trainer/global_step"], row[name]) for row in self.history if name in row]

    def logged(self, name: str) -> Any:
        """The last value of a name that was logged."""
        return [row[name] for row in self.history if name in row][-1]

    def table(self, name: str) -> tuple[list[str], list[list[Any]]]:
        """Columns and rows, from the file that the record names."""
        content = json.loads((self.folder / "files" / self.logged(name)["path"]).read_text())
        return content["columns"], content["data"]


def read(folder: Path) -> WandbRun:
    """One run from its folder ``offline-run-...``."""
    (path,) = folder.glob("*.wandb")
    run = WandbRun(folder)
    for content in contents(path.read_bytes()):
        record: Any = records.Record.FromString(content)  # type: ignore[attr-defined]
        kind = record.WhichOneof("record_type")
        if kind in READERS:
            READERS[kind](run, getattr(record, kind))
    return run


def of_job(folder: Path) -> WandbRun:
    """The one run in a job's folder, as soon as it is whole: W&B's own process writes it out, a moment after finish."""
    (found,) = (folder / "wandb").glob("offline-run-*")
    deadline = time.monotonic() + 20
    while (run := read(found)).exit_code is None:
        assert time.monotonic() < deadline, f"{found} has no end"
        time.sleep(0.05)
    return run


def _items(items: Any) -> dict[str, Any]:
    """Values by name; those of a table or histogram, which W&B spreads over nested keys, as a mapping."""
    found: dict[str, Any] = {}
    for item in items:
        *above, last = item.nested_key or [item.key]
        place = found
        for name in above:
            place = place.setdefault(name, {})
        place[last] = json.loads(item.value_json)
    return found


def _run(run: WandbRun, record: Any) -> None:
    run.name, run.group, run.kind, run.id = record.display_name, record.run_group, record.job_type, record.run_id
    run.tags = tuple(record.tags)
    run.config |= _items(record.config.update)


def _artifact(run: WandbRun, record: Any) -> None:
    run.artifacts[record.name] = record


def _metric(run: WandbRun, record: Any) -> None:
    run.steps_of[record.name or record.glob_name] = record.step_metric


def _exit(run: WandbRun, record: Any) -> None:
    run.exit_code = record.exit_code


READERS = {
    "run": _run,
    "config": lambda run, record: run.config.update(_items(record.update)),
    "summary": lambda run, record: run.summary.update(_items(record.update)),
    "history": lambda run, record: run.history.append(_items(record.item)),
    "artifact": _artifact,
    "metric": _metric,
    "exit": _exit,
}
