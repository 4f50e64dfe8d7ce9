"""Execution shard by shard: what is on disk is not run again, and counts as if it had been."""

import errno
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from conself.executors.local import LocalExecutor
from conself.pipelines.executed import Executed
from conself.pipelines.execution import execute_into
from conself.pipelines.pools import shards_of
from conself.pipelines.shards import SHARD, cut, write_shards
from conself.records import Candidate, Outcome, Problem, Status, Trace
from conself.sandbox import Job, Limits, Note, Result
from conself.sandbox.journal import Journal
from conself.sandbox.prefix import with_prefix
from conself.store.tables import read_traces

LIMITS = Limits(cpu_seconds=1.0, wall_seconds=5.0, memory_mb=128, output_kb=4, max_timeouts=1, audit=0.0)
CODE = "def f(x): return x"
SEEN, FAKE = Outcome(Status.OK, "1"), Outcome(Status.OK, '"from disk"')


@dataclass(frozen=True)
class Bench:
    executor: LocalExecutor
    console: Console


def bench() -> Bench:
    return Bench(LocalExecutor(1), Console(quiet=True))


def problem(index: int) -> Problem:
    return Problem(f"p{index}", "s", "", "f", ("(1,)", "(1,)"), "", "")


def candidate(index: int) -> Candidate:
    return Candidate(f"p{index}", 0, None, CODE, CODE, "stop", None, None, None, 1)


def fake(index: int) -> Result:
    job = Job(f"p{index}", (CODE,), "f", ("(1,)", "(1,)"))
    return Result(job, [(FAKE, FAKE)], [Note(exact=True, audit=None)])


def execute(
    folder: Path,
    problems: list[Problem],
    candidates: list[Candidate],
    done: Path | None = None,
    limits: Limits = LIMITS,
    walls: str = "strong",
) -> dict[str, object]:
    """Into ``folder``; what is asked lies beside it, and so does what was done before, if not in ``done``."""
    asked = folder.with_name(f"{folder.name}-asked")
    asked.mkdir(exist_ok=True)
    write_shards(asked, "problems", Problem, cut(problems))
    write_shards(asked, "candidates", Candidate, cut(candidates))
    shards = shards_of(asked, "candidates", asked, folder)
    return execute_into(bench(), folder, "executing", limits, shards, Executed(done or asked / "executed", walls))


def run(folder: Path, count: int) -> dict[str, object]:
    return execute(folder, [problem(i) for i in range(count)], [candidate(i) for i in range(count)])


def journal(folder: Path, index: int) -> Path:
    return folder / f"traces-{index:07d}-{SHARD}.journal"


def test_a_finished_problem_is_on_disk_and_not_run_again(tmp_path: Path) -> None:
    with Journal(journal(tmp_path, 0), LIMITS) as half:
        half.append(fake(3))
    with Journal(journal(tmp_path, SHARD), LIMITS) as whole:  # all of the second shard, as if killed before its file
        for index in range(SHARD, SHARD + 2):
            whole.append(fake(index))
    counts = run(tmp_path, SHARD + 2)
    traces = read_traces(tmp_path, "traces")
    from_disk = {"p3", f"p{SHARD}", f"p{SHARD + 1}"}
    assert {name for name, (trace,) in traces.items() if trace.outcomes == (FAKE, FAKE)} == from_disk
    assert traces["p0"] == [Trace("p0", 0, (SEEN, SEEN))]
    assert counts["executions"] == 2 * (SHARD + 2)
    assert counts["exact"] == 3
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".parquet", ".parquet"]


def test_a_finished_shard_is_not_run_again(tmp_path: Path) -> None:
    first = run(tmp_path, 3)
    (path,) = tmp_path.iterdir()
    before = path.stat().st_mtime_ns
    assert run(tmp_path, 3) == first
    assert path.stat().st_mtime_ns == before


def test_what_was_done_before_an_error_is_kept_for_the_next_run_in_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(jobs: Iterable[Job], *_: object) -> Iterator[Result]:
        first, *_others = jobs
        yield replace(fake(0), job=first)
        raise RuntimeError("worker died twice")

    with monkeypatch.context() as patch:
        patch.setattr("conself.pipelines.execution.run_jobs", fail)
        with pytest.raises(RuntimeError, match="worker died twice"):
            run(tmp_path, 2)
    run(tmp_path, 2)
    assert read_traces(tmp_path, "traces") == {
        "p0": [Trace("p0", 0, (FAKE, FAKE))],
        "p1": [Trace("p1", 0, (SEEN, SEEN))],
    }


def test_a_prefix_stands_before_every_program(tmp_path: Path) -> None:
    asks = replace(problem(0), prefix="import math")
    drawn = replace(
        candidate(0), code="from __future__ import annotations\ndef f(x: Any): return math.factorial(x + 3)\n"
    )
    execute(tmp_path, [asks], [drawn])
    (trace,) = read_traces(tmp_path, "traces")["p0"]
    assert [o.value for o in trace.outcomes] == ["24", "24"]


DOCSTRING_FIRST = '''"""Says what it does."""
from __future__ import (
    annotations,
)
def f(x: Missing): return x
'''
IN_A_STRING = '''def f(x):
    return """
from __future__ import division
"""
'''


@pytest.mark.parametrize(
    "code",
    [
        "from __future__ import annotations\ndef f(x: Missing): return x\n",
        DOCSTRING_FIRST,
        IN_A_STRING,
        "def f(x): return math.floor(x)\n",
    ],
    ids=["line", "parentheses", "in a string", "none"],
)
def test_a_prefix_comes_after_imports_from_the_future(code: str) -> None:
    whole: dict[str, Any] = {}
    exec(compile(with_prefix("import math", code + "\nmath\n"), "program", "exec"), whole)
    assert "math" in whole
    alone: dict[str, Any] = {"math": math}
    exec(compile(code, "program", "exec"), alone)
    assert whole["f"](2) == alone["f"](2)


def test_a_program_that_does_not_parse_stays_wrong() -> None:
    wrong = "from __future__ import\nmath\n"
    assert with_prefix("import math\n", wrong) == f"import math\n{wrong}"
    assert with_prefix("", "from __future__ import annotations\n") == "from __future__ import annotations\n"


def test_a_program_gets_of_a_prefix_what_it_names() -> None:
    imports, rest = "import os.path as p, re, sys\nfrom math import *\n", "sys.setrecursionlimit(99)\nx = 1\n"
    prefix = f"{imports}from typing import List as L, Set\n{rest}"
    # a star, and what is no import, stay, with what they need
    assert with_prefix(prefix, "y = 0\n") == f"import sys\nfrom math import *\n{rest}y = 0\n"
    both = "import os.path as p, sys\nfrom math import *\nfrom typing import List as L\n"
    assert with_prefix(prefix, "L[p]\n") == f"{both}{rest}L[p]\n"
    assert with_prefix(prefix, "eval('re')\n").startswith("import re, sys\n")  # the word is there
    assert with_prefix(prefix, "\u00b5 = 1\n") == f"{prefix}\u00b5 = 1\n"  # identifiers have several spellings then
    assert with_prefix("def f(:\n", "y = 0\n") == "def f(:\ny = 0\n"


def test_results_under_other_limits_are_run_again(tmp_path: Path) -> None:
    other = Limits(2.0, 5.0, 128, 4, 1, audit=0.0)
    with Journal(journal(tmp_path, 0), other) as old:
        old.append(fake(0))
    run(tmp_path, 1)
    assert read_traces(tmp_path, "traces")["p0"] == [Trace("p0", 0, (SEEN, SEEN))]


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "nothing": ({}, {}, False),
    "likelihood": ({}, {"mean_nll": 2.0, "text": "other"}, False),
    "statement": ({"statement": "other"}, {}, False),
    "code": ({}, {"code": "def f(x): return 0"}, True),
    "no code": ({}, {"code": None}, True),
    "prefix": ({"prefix": "x = 1"}, {}, True),
    "inputs": ({"inputs": ("(1,)", "(2,)")}, {}, True),
    "entry point": ({"entry_point": "g"}, {}, True),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_shard_is_known_by_what_is_run_alone(name: str, tmp_path: Path) -> None:
    """In other artifacts' folders; what is taken is the same file, and counts as if it had been run again."""
    of_problem, of_candidate, is_run = CHANGES[name]
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    first = execute(tmp_path / "one", [problem(0)], [candidate(0)], tmp_path / "done")
    other = [replace(problem(0), **of_problem)], [replace(candidate(0), **of_candidate)]
    second = execute(tmp_path / "two", *other, tmp_path / "done")
    one, two = (tmp_path / folder / f"traces-0000000-{SHARD}.parquet" for folder in ("one", "two"))
    assert one.samefile(two) is not is_run
    assert is_run or first == second


def test_other_limits_run_a_shard_again(tmp_path: Path) -> None:
    for folder, limits in (("one", LIMITS), ("two", replace(LIMITS, output_kb=8))):
        (tmp_path / folder).mkdir()
        execute(tmp_path / folder, [problem(0)], [candidate(0)], tmp_path / "done", limits)
    assert len(list((tmp_path / "done").glob("*.parquet"))) == 2


def shards_in(tmp_path: Path, *folders: str) -> list[Path]:
    for folder in folders:
        (tmp_path / folder).mkdir(exist_ok=True)
    return [tmp_path / folder / f"traces-0000000-{SHARD}.parquet" for folder in folders]


def test_other_walls_run_a_shard_again(tmp_path: Path) -> None:
    one, two, three = shards_in(tmp_path, "one", "two", "three")
    for path, walls in ((one, "weak"), (two, "strong"), (three, "strong")):
        execute(path.parent, [problem(0)], [candidate(0)], tmp_path / "done", walls=walls)
    assert not one.samefile(two)
    assert two.samefile(three)


def test_a_broken_shard_of_earlier_work_is_run_again_and_replaced(tmp_path: Path) -> None:
    one, two, three = shards_in(tmp_path, "one", "two", "three")
    execute(one.parent, [problem(0)], [candidate(0)], tmp_path / "done")
    (kept,) = (tmp_path / "done").iterdir()
    kept.unlink()
    kept.write_bytes(b"PAR1")
    execute(two.parent, [problem(0)], [candidate(0)], tmp_path / "done")
    assert read_traces(two.parent, "traces")["p0"] == [Trace("p0", 0, (SEEN, SEEN))]
    execute(three.parent, [problem(0)], [candidate(0)], tmp_path / "done")
    assert three.samefile(two)


def test_what_a_killed_process_left_among_earlier_work_harms_no_finished_artifact(tmp_path: Path) -> None:
    one, two = shards_in(tmp_path, "one", "two")
    execute(one.parent, [problem(0)], [candidate(0)], tmp_path / "done")
    (kept,) = (tmp_path / "done").iterdir()
    before = one.read_bytes()
    for number in range(3):
        (tmp_path / "done" / f".{kept.name}.{os.getpid() + number}.writing").hardlink_to(one)
    kept.unlink()
    execute(two.parent, [problem(0)], [candidate(0)], tmp_path / "done")
    assert one.read_bytes() == before


def test_earlier_work_that_cannot_be_kept_costs_nothing(tmp_path: Path) -> None:
    (one,) = shards_in(tmp_path, "one")
    (tmp_path / "done").write_text("no folder")
    execute(one.parent, [problem(0)], [candidate(0)], tmp_path / "done")
    assert read_traces(one.parent, "traces")["p0"] == [Trace("p0", 0, (SEEN, SEEN))]


def test_what_no_artifact_holds_any_more_goes_unless_it_is_taken_now(tmp_path: Path) -> None:
    one, two, three = shards_in(tmp_path, "one", "two", "three")
    execute(one.parent, [problem(0)], [candidate(0)], tmp_path / "done")
    (kept,) = (tmp_path / "done").iterdir()
    one.unlink()  # as who removes an artifact
    inode = kept.stat().st_ino
    execute(two.parent, [problem(0)], [candidate(0)], tmp_path / "done")
    assert two.stat().st_ino == inode, "it was still there to be taken"
    two.unlink()
    execute(three.parent, [problem(1)], [candidate(1)], tmp_path / "done")
    (left,) = (tmp_path / "done").iterdir()
    assert left.samefile(three)


def test_without_links_nothing_is_kept_and_what_is_there_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "not permitted")

    one, two, three = shards_in(tmp_path, "one", "two", "three")
    execute(one.parent, [problem(0)], [candidate(0)], tmp_path / "done")
    monkeypatch.setattr(os, "link", refuse)
    first = execute(two.parent, [problem(0)], [candidate(0)], tmp_path / "done")
    assert first["executions"] == 2
    assert two.read_bytes() == one.read_bytes()
    (kept,) = (tmp_path / "done").iterdir()
    assert kept.samefile(one)
    assert not kept.samefile(two)
    execute(three.parent, [problem(1)], [candidate(1)], tmp_path / "done")
    assert read_traces(three.parent, "traces")["p1"] == [Trace("p1", 0, (SEEN, SEEN))]
    assert list((tmp_path / "done").iterdir()) == [kept]


def test_a_journal_is_gone_where_another_run_did_the_work(tmp_path: Path) -> None:
    one, two = shards_in(tmp_path, "one", "two")
    execute(one.parent, [problem(0)], [candidate(0)], tmp_path / "done")
    with Journal(journal(two.parent, 0), LIMITS):
        pass
    execute(two.parent, [problem(0)], [candidate(0)], tmp_path / "done")
    assert [path.name for path in two.parent.iterdir()] == [two.name]
