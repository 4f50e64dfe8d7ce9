"""Rows from local files of every format, and from a hub: served over HTTP, cached, cut off, and not there."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conself.datasets.files.rows import BadRow, Files
from tests.datasets.writing import WRITERS, hub, write_lines, write_parquet, write_stream

ROWS: list[dict[str, Any]] = [
    {"id": i, "text": "ä\n" * (i % 5), "none": None, "list": [i, i + 1], "big": "9" * 300} for i in range(100)
]
COMMIT = "c" * 40
READ = """
import json, sys
from conself.datasets.files.rows import Files
files = Files(None, sys.argv[1], sys.argv[2], sys.argv[3:])
try:
    print(json.dumps({"fingerprint": files.fingerprint(), "rows": [row["n"] for row in files.rows()]}))
except OSError as error:
    print(json.dumps({"OSError": str(error)}))
except ValueError as error:
    print(json.dumps({"ValueError": str(error)}))
"""


def local(path: Path, *patterns: str) -> Files:
    return Files(str(path), "owner/name", "main", patterns)


def read_from(endpoint: str, cache: Path, *words: str, **variables: str) -> dict[str, Any]:
    """What a fresh process reads from a hub: the client takes its settings from the environment when imported."""
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1", **variables}
    command = [sys.executable, "-c", READ, "owner/name", *words]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    path = WRITERS[name](tmp_path / name, ROWS)
    assert list(local(path).rows()) == ROWS  # one file needs no pattern
    assert list(local(tmp_path, "*").rows()) == ROWS


def test_files_come_in_the_order_of_patterns_then_names(tmp_path: Path) -> None:
    for name in ("test2.jsonl", "test.jsonl", "sub/b.jsonl", "sub/a.jsonl", "other.jsonl"):
        write_lines(tmp_path / name, [{"from": name}])
    rows = local(tmp_path, "test.jsonl", "test2.jsonl", "sub/*.jsonl", "test*.jsonl").rows()
    assert [row["from"] for row in rows if isinstance(row, dict)] == [
        "test.jsonl",
        "test2.jsonl",
        "sub/a.jsonl",
        "sub/b.jsonl",
    ]


def test_rows_are_read_one_by_one(tmp_path: Path) -> None:
    """The first row is there although the second file could not be read at all."""
    write_lines(tmp_path / "1.jsonl", [{"n": 1}])
    (tmp_path / "2.parquet").write_bytes(b"PAR1 but cut off")
    rows = local(tmp_path, "*").rows()
    assert next(rows) == {"n": 1}
    with pytest.raises(OSError, match=r"2\.parquet is damaged \(.*\); delete it"):
        next(rows)


def test_a_bad_line_is_named_and_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    digits = b"9" * 5000
    path.write_bytes(b'{"n": 1}\n\n{"n": \n[2]\n{"n": "\xff"}\n{"n": ' + digits + b"}\n" + b"[" * 100_000 + b"\n")
    one, cut, array, no_utf8, big, deep = local(path).rows()
    assert one == {"n": 1}
    assert [row.place for row in (cut, array, no_utf8, deep) if isinstance(row, BadRow)] == [
        "a.jsonl:3",
        "a.jsonl:4",
        "a.jsonl:5",
        "a.jsonl:7",
    ]
    assert array == BadRow("a.jsonl:4", "a JSON object is needed, not list")
    assert big == {"n": 10**5000 - 1}  # beyond the interpreter's limit of digits


def test_a_text_that_is_no_utf8_spoils_its_own_row_only(tmp_path: Path) -> None:
    values = [b"good"] * 20
    values[17] = b"\xff"
    column = pa.array(values, pa.binary()).view(pa.string())
    pq.write_table(pa.table({"n": column}), tmp_path / "a.parquet")
    rows = list(local(tmp_path / "a.parquet").rows())
    assert [i for i, row in enumerate(rows) if row != {"n": "good"}] == [17]
    assert isinstance(rows[17], BadRow)
    assert rows[17].place == "a.parquet:18"


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.json", "a.parquet", "stream.arrow", "file.arrow"])
@pytest.mark.parametrize("kept", [0.0, 0.05, 0.6])
def test_a_file_that_was_cut_off_is_an_error_in_one_line(name: str, kept: float, tmp_path: Path) -> None:
    path = WRITERS[name](tmp_path / name, ROWS)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data))])
    if name in ("a.jsonl.gz", "a.json") and not kept:
        assert list(local(path).rows()) == []
        return
    with pytest.raises(OSError, match="is damaged") as caught:
        list(local(path).rows())
    assert "\n" not in str(caught.value)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        FileNotFoundError, match=r"no file or folder .*none.*; set dataset\.path to a local copy of owner"
    ):
        list(local(tmp_path / "none", "*").rows())
    write_lines(tmp_path / "train.jsonl", ROWS)
    (tmp_path / "README.md").write_text("")
    with pytest.raises(
        ValueError, match=r"matches test/\*\.arrow; there are: README\.md, train\.jsonl; set dataset\.path"
    ):
        local(tmp_path, "test/*.arrow").fingerprint()
    with pytest.raises(ValueError, match=r"README\.md: its name must end in \.jsonl"):
        list(local(tmp_path, "README*").rows())


def test_one_pattern_is_a_list_of_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"dataset\.files must be a list, such as \['\*\.jsonl'\]"):
        Files(str(tmp_path), "owner/name", "main", "*.jsonl")


def test_a_name_that_is_no_repository_is_told() -> None:
    with pytest.raises(ValueError, match="'no name!' is no name that the hub knows"):
        Files(None, "no name!", "main", ["*"]).fingerprint()


def test_a_part_is_not_taken_for_the_whole(tmp_path: Path) -> None:
    for number in (0, 2):
        write_lines(tmp_path / f"data-0000{number}-of-00003.jsonl", [{"n": number}])
    with pytest.raises(ValueError, match=r"has 2 of the 3 files data-\*-of-00003\.jsonl: get the others"):
        local(tmp_path, "*.jsonl").fingerprint()
    assert list(local(tmp_path, "data-00002-of-00003.jsonl").rows()) == [{"n": 2}]  # chosen by its name
    with pytest.raises(ValueError, match=r"matches data-00001-of-00003\.jsonl; there are: data-00000"):
        local(tmp_path, "data-00000-of-00003.jsonl", "data-00001-of-00003.jsonl").fingerprint()
    write_lines(tmp_path / "data-00001-of-00003.jsonl", [{"n": 1}])
    assert list(local(tmp_path, "*.jsonl").rows()) == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_local_fingerprints_follow_the_content(tmp_path: Path) -> None:
    one = write_lines(tmp_path / "one" / "a.jsonl", ROWS)
    same = write_lines(tmp_path / "two" / "b.jsonl", ROWS)
    assert local(one).fingerprint() == local(same).fingerprint()  # a file is known by its content, not by its place
    other = write_lines(tmp_path / "two" / "a.json", ROWS)
    assert local(one).fingerprint() != local(other).fingerprint()  # the name tells how the bytes are read
    other.unlink()
    first = local(tmp_path, "one/*", "two/*").fingerprint()
    assert first != local(tmp_path, "two/*", "one/*").fingerprint()
    os.utime(one, ns=(1, 1))
    assert local(tmp_path, "one/*", "two/*").fingerprint() == first
    one.write_bytes(one.read_bytes().replace(b'"id": 5,', b'"id": 6,'))  # as long as before
    assert local(tmp_path, "one/*", "two/*").fingerprint() != first


def served(tmp_path: Path) -> dict[str, bytes]:
    return {
        ".gitattributes": b"*.arrow filter=lfs\n",
        "README.md": b"a card",
        "loader.py": b"raise SystemExit('a loading script was run')",
        "train/1.arrow": write_stream(tmp_path / "1.arrow", [{"n": 1}, {"n": 2}]).read_bytes(),
        "train/2.parquet": write_parquet(tmp_path / "2.parquet", [{"n": 3}]).read_bytes(),
        "test/1.arrow": write_stream(tmp_path / "3.arrow", [{"n": 4}]).read_bytes(),
    }


@pytest.mark.slow
def test_the_hub_is_listed_downloaded_and_remembered(tmp_path: Path) -> None:
    files, cache = served(tmp_path), tmp_path / "cache"
    with hub("owner/name", COMMIT, files) as (endpoint, asked):
        first = read_from(endpoint, cache, "main", "train/*")
        assert first["rows"] == [1, 2, 3]
        assert not any("test/1.arrow" in path or "loader.py" in path for path in asked)  # only what is wanted
        asked.clear()
        assert read_from(endpoint, cache, "main", "train/*") == first
        assert not any("arrow" in path or "parquet" in path for path in asked)
        missing = read_from(endpoint, cache, "main", "valid/*")["ValueError"]
        assert "no file of owner/name at revision main matches valid/*; there are: README.md, loader.py" in missing
        assert "no such revision" in read_from(endpoint, cache, "v9", "train/*")["OSError"]
        unknown = read_from(endpoint, tmp_path / "other", "main", "train/*", HF_HUB_OFFLINE="1")["OSError"]
        assert "give dataset.path=<local copy>" in unknown
    # the hub is gone: what is in the cache is used, offline mode or not, and what is not is told
    assert read_from(endpoint, cache, "main", "train/*", HF_HUB_OFFLINE="1") == first
    assert read_from(endpoint, cache, "main", "train/*") == first
    assert read_from(endpoint, cache, COMMIT, "train/*", HF_HUB_OFFLINE="1")["fingerprint"] == first["fingerprint"]
    next(cache.rglob(".gitattributes")).unlink()  # `hf download --include 'train/*'` would not have got it
    assert read_from(endpoint, cache, "main", "train/*", HF_HUB_OFFLINE="1") == first
    partly = read_from(endpoint, cache, "main", "t*", HF_HUB_OFFLINE="1")["OSError"]
    assert "data set owner/name at revision main cannot be read from the hub" in partly
    assert "give dataset.path=<local copy>" in partly
    assert "\n" not in partly


def test_another_commit_is_another_data_set(tmp_path: Path) -> None:
    found = []
    for commit in (COMMIT, "d" * 40):
        with hub("owner/name", commit, served(tmp_path)) as (endpoint, _):
            found.append(read_from(endpoint, tmp_path / "cache", "main", "train/*")["fingerprint"])
    assert found[0] != found[1]


def test_a_download_that_breaks_goes_on(tmp_path: Path) -> None:
    lines = b"".join(b'{"n": %d}\n' % n for n in range(1000))
    files = {**served(tmp_path), "train/big.jsonl": lines}
    with hub("owner/name", COMMIT, files, breaks="train/big.jsonl") as (endpoint, asked):
        assert read_from(endpoint, tmp_path / "cache", "main", "train/big*")["rows"] == list(range(1000))
        assert sum(path.startswith("GET ") and path.endswith("big.jsonl") for path in asked) == 2


def test_a_cache_filled_by_another_tool_is_enough(tmp_path: Path) -> None:
    """The plain layout of the hub's cache: refs and snapshots, without the client's list of all files."""
    folder = tmp_path / "hub" / "datasets--owner--name"
    write_lines(folder / "snapshots" / COMMIT / "train" / "a.jsonl", [{"n": 7}])
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text(COMMIT)
    assert read_from("http://127.0.0.1:9", tmp_path, "main", "train/*", HF_HUB_OFFLINE="1")["rows"] == [7]
