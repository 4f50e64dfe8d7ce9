"""A real pool (CodeGen-16B on HumanEval), run here and compared with what an independent implementation recorded."""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conself.agreement.comparison import Comparison
from conself.sandbox import Job, Limits, Outcome, Status, Summary, execute

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "pools" / "codegen16b"
LOOSE = Comparison(list_equals_tuple=True, numbers="by_type", floats="digits", float_digits=6, split_whitespace=True)
LIMITS = Limits(
    cpu_seconds=1.0, wall_seconds=10.0, memory_mb=4096, output_kb=1024, max_timeouts=1, packages=("numpy",), audit=0.2
)
# the golden machine had these and here they are not asked for: ten programs
INSTALLED_THERE = re.compile(r"^\s*(?:import|from) (?:scipy|matplotlib|torch)\b", re.MULTILINE)
MISSING = Outcome(Status.EXCEPTION, "ModuleNotFoundError")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the golden pool is not at {FOLDER}"),
]


@dataclass(frozen=True)
class Case:
    """One problem: what was recorded here, and the golden rows (a place in the values, or ``E:<what>``) and groups."""

    job: Job
    rows: list[tuple[Outcome, ...]]
    golden: list[list[Any]]
    groups: list[list[int]]


def lines(name: str) -> dict[str, dict[str, Any]]:
    records = map(json.loads, (FOLDER / name).read_text().splitlines())
    return {record["task_id"]: record for record in records}


def literal(arguments: dict[str, Any]) -> str:
    return repr(tuple(arguments["json"] if "json" in arguments else ast.literal_eval(arguments["py"])))


@cache
def cases() -> tuple[list[Case], Summary]:
    drawn, inputs, outcomes = (
        lines(name) for name in ("codegen16b.candidates.jsonl", "inputs.jsonl", "codegen16b.outcomes.jsonl")
    )
    jobs = []
    for name, record in drawn.items():
        programs = tuple(record["prompt"] + text for text in record["unique"])
        arguments = tuple(map(literal, inputs[name]["inputs"]))
        jobs.append(Job(name, programs, inputs[name]["entry_point"], arguments))
    found, summary = [], Summary()
    for result in execute(jobs, LIMITS, workers=2):
        golden = outcomes[result.job.id]
        groups = golden.get("loose_groups") or [None] * len(golden["values"])
        groups = [group or list(range(len(values))) for group, values in zip(groups, golden["values"], strict=True)]
        found.append(Case(result.job, result.rows, golden["rows"], groups))
        summary += Summary.of(result)
    return found, summary


def cells(case: Case) -> Iterator[tuple[int, int, Outcome, Any]]:
    """(program, input, ours, golden) of all cells that can be compared: time-outs depend on the machine."""
    for u, (row, golden) in enumerate(zip(case.rows, case.golden, strict=True)):
        if MISSING in row and INSTALLED_THERE.search(case.job.programs[u] or ""):
            continue
        for j, outcome in enumerate(row):
            if golden[j] not in ("E:Timeout", "E:Killed") and outcome.status is not Status.TIMEOUT:
                yield u, j, outcome, golden[j]


def test_nearly_all_cells_can_be_compared() -> None:
    total = sum(len(row) for case in cases()[0] for row in case.rows)
    assert total == 15_636
    assert sum(1 for case in cases()[0] for _ in cells(case)) > 0.98 * total


def test_the_whole_pool_is_run() -> None:
    found, summary = cases()
    assert len(found) == 164
    assert summary.programs == sum(len(case.golden) for case in found) == 2129
    assert summary.leaked == 0
    assert summary.audited > 300


def test_candidates_crash_on_the_same_inputs_in_the_same_way() -> None:
    differing = []
    for case in cases()[0]:
        for u, j, ours, golden in cells(case):
            crashed = isinstance(golden, str)
            if crashed != (ours.status is not Status.OK) or (crashed and ours.value not in golden):
                differing.append((case.job.id, u, j, ours, golden))
    assert differing == []


def test_outputs_fall_into_the_same_groups_input_by_input() -> None:
    differing = []
    for case in cases()[0]:
        pairs: dict[int, set[tuple[str, int]]] = defaultdict(set)
        for _, j, ours, golden in cells(case):
            if not isinstance(golden, str):
                pairs[j].add((LOOSE.key(ours.value, is_stdout=False), case.groups[j][golden]))
        for j, found in pairs.items():
            if not len({ours for ours, _ in found}) == len({theirs for _, theirs in found}) == len(found):
                differing.append((case.job.id, j, sorted(found)))
    assert differing == []
