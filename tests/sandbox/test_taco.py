"""Two hundred stdin programs of TACO, compared with what a plain interpreter printed."""

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conself.sandbox import Job, Limits, Outcome, Result, Status, Summary, canonical, execute

FILE = Path(__file__).parents[3] / "shared" / "data" / "taco_stdin.jsonl"
LIMITS = Limits(4.0, 20.0, memory_mb=1024, output_kb=4096, max_timeouts=3, packages=("numpy",), audit=1.0)
# they ask for the size of standard input, which was a pipe when the file was made and is a file here and in a contest
PIPED = ("TACO-test/306", "TACO-test/726")

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"the TACO programs are not at {FILE}")


@cache
def known() -> dict[str, list[dict[str, Any]]]:
    """Problem -> its tests."""
    records = map(json.loads, FILE.read_text().splitlines())
    return {record["task_id"]: record["tests"] for record in records}


@cache
def results() -> list[Result]:
    """Every program on its inputs, and on them once more, so that each is also a later input of its process."""
    jobs = []
    for line in FILE.read_text().splitlines():
        record = json.loads(line)
        inputs = [test["stdin"] for test in known()[record["task_id"]] if test["returncode"] is not None]
        jobs.append(Job(record["task_id"], (record["program"],), None, (*inputs, *inputs)))
    return list(execute(jobs, LIMITS, workers=2))


def expected(name: str, test: dict[str, Any]) -> str | None:
    """The canonical output; None where the interpreter ended with an error."""
    if name in PIPED:
        return canonical(test["expected"])
    return canonical(test["observed"]) if test["returncode"] == 0 else None


def test_status_and_output_are_those_of_a_plain_interpreter() -> None:
    differing = []
    for result in results():
        values = [expected(result.job.id, test) for test in known()[result.job.id] if test["returncode"] is not None]
        for outcome, value in zip(result.rows[0], values * 2, strict=True):
            if outcome.status is Status.TIMEOUT:
                continue
            failed = outcome.status in (Status.EXCEPTION, Status.COMPILE_ERROR, Status.EXIT)
            if not (failed if value is None else outcome == Outcome(Status.OK, value)):
                differing.append((result.job.id, outcome, value))
    assert differing == []


def test_nearly_all_share_a_process_for_their_inputs_and_none_leaks() -> None:
    counts = sum(map(Summary.of, results()), Summary())
    assert counts.programs == 200
    assert counts.leaked == 0
    assert counts.exact <= 0.15 * counts.programs
    assert counts.statuses.get("timeout", 0) <= 4


def test_without_their_packages_they_fail_and_say_why() -> None:
    records = [json.loads(line) for line in FILE.read_text().splitlines()]
    jobs = [Job(r["task_id"], (r["program"],), None, ("1\n",)) for r in records if "import numpy" in r["program"]]
    found = [result.rows[0] for result in execute(jobs, replace(LIMITS, packages=()), workers=1)]
    assert found
    assert set(found) == {(Outcome(Status.EXCEPTION, "ModuleNotFoundError"),)}
