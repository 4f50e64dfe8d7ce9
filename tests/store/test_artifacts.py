"""The store: keys, resumption, sharing between processes, and what a full disk leaves behind."""

import json
import resource
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from conself.store.artifacts import Artifact, Stage, StorageFullError, artifact_key, build, without_runtime, write_whole

S = Stage("s", 1)


def test_key_is_the_sha256_of_what_the_stage_depends_on() -> None:
    # Worked out with `printf '%s' '...' | sha256sum` on the sorted JSON.
    key = artifact_key(Stage("select", 1), {"tau": 0.3}, {"scores": "ab"})
    text = '{"config": {"tau": 0.3}, "inputs": {"scores": "ab"}, "stage": "select", "version": 1}'
    shown = subprocess.run(["sha256sum"], input=text.encode(), capture_output=True, check=True).stdout.decode()
    assert key == shown.split()[0]


def test_runtime_keys_stay_out_at_every_depth() -> None:
    config = {"runtime": {"workers": 2}, "sampler": {"n": 3, "runtime": {"batch": 8}}, "list": [{"runtime": 1, "a": 2}]}
    assert without_runtime(config) == {"sampler": {"n": 3}, "list": [{"a": 2}]}
    assert artifact_key(S, config, {}) == artifact_key(S, {"sampler": {"n": 3}, "list": [{"a": 2}]}, {})


def test_every_part_of_the_key_counts() -> None:
    base: tuple[Any, ...] = (S, {"a": 1}, {"x": "k"})
    others = [(Stage("t", 1), {"a": 1}, {"x": "k"}), (Stage("s", 2), {"a": 1}, {"x": "k"})]
    others += [(S, {"a": 2}, {"x": "k"}), (S, {"a": 1}, {"x": "l"}), (S, {"a": 1}, {"y": "k"})]
    assert len({artifact_key(*arguments) for arguments in [base, *others]}) == 6


def make_text(text: str) -> Any:
    def make(folder: Path) -> dict[str, Any]:
        write_whole(folder / "out.txt", lambda path: path.write_text(text))
        return {"length": len(text)}

    return make


def test_second_build_finds_the_first(tmp_path: Path) -> None:
    first = build(tmp_path, S, {"a": 1}, {}, make_text("one"))
    again = build(tmp_path, S, {"a": 1}, {}, make_text("never made"))
    assert (first.reused, again.reused) == (False, True)
    assert first.path == again.path
    assert (again.path / "out.txt").read_text() == "one"
    assert again.summary() == {"length": 3}
    assert again.manifest()["config"] == {"a": 1}


def test_another_input_is_another_artifact(tmp_path: Path) -> None:
    one = build(tmp_path, S, {}, {"x": Artifact("r", "k1", tmp_path, False)}, make_text("one"))
    two = build(tmp_path, S, {}, {"x": Artifact("r", "k2", tmp_path, False)}, make_text("two"))
    assert one.key != two.key
    assert two.manifest()["inputs"] == {"x": "k2"}


def test_failed_build_keeps_its_shards_and_goes_on_from_them(tmp_path: Path) -> None:
    made: list[int] = []

    def make(fail_at: int | None) -> Any:
        def inner(folder: Path) -> dict[str, Any]:
            for shard in range(4):
                path = folder / f"{shard}.txt"
                if path.exists():
                    continue
                if shard == fail_at:
                    raise RuntimeError("power cut")
                write_whole(path, lambda p, shard=shard: p.write_text(str(shard)))
                made.append(shard)
            return {}

        return inner

    with pytest.raises(RuntimeError, match="power cut"):
        build(tmp_path, S, {}, {}, make(2))
    assert not list(tmp_path.glob("s/[0-9a-f]*")), "an unfinished artifact must not look finished"
    artifact = build(tmp_path, S, {}, {}, make(None))
    assert made == [0, 1, 2, 3]
    assert sorted(p.name for p in artifact.path.glob("*.txt")) == ["0.txt", "1.txt", "2.txt", "3.txt"]


def test_write_whole_leaves_nothing_when_writing_fails(tmp_path: Path) -> None:
    def half(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError("cut")

    with pytest.raises(RuntimeError):
        write_whole(tmp_path / "x", half)
    assert list(tmp_path.iterdir()) == []


def test_two_processes_make_it_once(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import sys, time
        from pathlib import Path
        from conself.store.artifacts import Stage, build
        root = Path(sys.argv[1])
        def make(folder):
            time.sleep(0.5)
            (folder / "x").write_text("made")
            with (root / "made.log").open("a") as log:
                log.write("made\\n")
            return {}
        print(build(root, Stage("s", 1), {}, {}, make).reused)
        """
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    answers = sorted(run.communicate(timeout=60)[0].strip() for run in runs)
    assert answers == ["False", "True", "True"]
    assert (tmp_path / "made.log").read_text() == "made\n"


def test_full_disk_is_one_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    """The kernel itself refuses: files of this process may not grow beyond 64 KiB."""

    def make(folder: Path) -> dict[str, Any]:
        for shard, size in enumerate((1000, 200_000)):
            if not (folder / f"{shard}").exists():
                write_whole(folder / f"{shard}", lambda path, size=size: path.write_bytes(b"x" * size))
        return {}

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, before[1]))
    try:
        with pytest.raises(StorageFullError, match=r"no space left for the artifacts of stage 's'.*are kept"):
            build(tmp_path, S, {}, {}, make)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (partial,) = tmp_path.glob("s/.*.partial")
    assert [path.name for path in partial.iterdir()] == ["0"]
    artifact = build(tmp_path, S, {}, {}, make)
    assert (artifact.path / "1").stat().st_size == 200_000
    assert json.loads((artifact.path / "manifest.json").read_text())["key"] == artifact.key
