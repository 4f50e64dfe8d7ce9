"""Files of tasks, there and back: between two folders of this machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conself.executors.shipping import Mirror, apply, mapped, packed
from conself.records import ModelRef


@dataclass(frozen=True)
class Job:
    source: Path
    target: Path
    names: tuple[str, ...]


def ref(adapter: Path | None) -> ModelRef:
    return ModelRef("owner/name", None, None if adapter is None else str(adapter), "float32", "eager", None)


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    made = Mirror()
    yield made
    made.clear()


def test_paths_are_changed_wherever_they_are_and_nothing_else_is() -> None:
    job = Job(Path("/a"), Path("/b"), ("x",))
    task = (1, [job, {"there": Path("/c")}], None, "text")
    below = mapped(task, lambda path: Path("/mirror") / path.relative_to("/"))
    assert below == (1, [Job(Path("/mirror/a"), Path("/mirror/b"), ("x",)), {"there": Path("/mirror/c")}], None, "text")
    assert mapped(job, lambda path: path) is job


def test_a_task_sees_its_files_and_what_it_writes_comes_back(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "in.parquet").write_bytes(b"rows")
    (tmp_path / "out.journal").write_bytes(b"one\n")
    (tmp_path / "other.parquet").write_bytes(b"not asked for")
    task = (Job(tmp_path / "in.parquet", tmp_path / "out.parquet", ()),)
    cargo = packed(task, set())
    assert {Path(name).name for name in cargo} == {"in.parquet", "out.journal"}
    (there,) = mirror.unpacked(task, cargo)
    assert there.source.read_bytes() == b"rows"
    assert there.source != tmp_path / "in.parquet"
    journal = there.target.with_suffix(".journal")
    with journal.open("ab") as file:
        file.write(b"two\n")
    (added,) = mirror.changes()
    assert (added.kind, added.offset, added.data) == ("added", 4, b"two\n")
    apply(added)
    apply(added)  # told twice, it is there once
    assert (tmp_path / "out.journal").read_bytes() == b"one\ntwo\n"
    assert mirror.changes() == ()
    there.target.write_bytes(b"table")
    (there.target.parent / ".half.writing").write_bytes(b"not whole yet")
    journal.unlink()
    for change in mirror.changes():
        apply(change)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "in.parquet": b"rows",
        "other.parquet": b"not asked for",
        "out.parquet": b"table",
    }
    assert mirror.named_as_before((there.target, 3)) == (tmp_path / "out.parquet", 3)


def test_an_adapter_travels_once_and_keeps_its_name(mirror: Mirror, tmp_path: Path) -> None:
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "weights").write_bytes(b"w")
    task, sent = (ref(tmp_path / "adapter"), tmp_path / "out.parquet"), set[str]()
    first, _ = mirror.unpacked(task, packed(task, sent))
    assert Path(str(first.adapter), "weights").read_bytes() == b"w"
    assert packed(task, sent) == {}
    again, _ = mirror.unpacked(task, {})
    assert again == first, "or the engine would load it once more"
    assert Path(str(again.adapter), "weights").read_bytes() == b"w"
    assert mirror.unpacked((ref(None),), {}) == (ref(None),)
