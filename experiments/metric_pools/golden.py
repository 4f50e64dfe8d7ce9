"""The golden pool (CodeGen-16B on HumanEval) as records of ours, and what an independent implementation found on it."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from conself.agreement.comparison import Comparison
from conself.records import Candidate, Outcome, Pool, Problem, Status, Trace
from conself.sandbox.canonical import canonical
from conself.sandbox.sources import literal

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "pools" / "codegen16b"
LOOSE = Comparison(list_equals_tuple=True, numbers="by_type", floats="digits", float_digits=6, split_whitespace=True)
"""The comparison of docs/method.md#clusters, under which the reference's block ``loose`` was made."""


@dataclass(frozen=True)
class Case:
    """One golden problem: the pool as recorded by us, its values' loose groups, and what the reference found."""

    pool: Pool
    group_keys: list[list[str | None]]
    passed: list[bool]
    expected: dict[str, Any]


def read_value(text: str) -> Any:
    """The value behind the reference's text; what it abbreviated (objects, long strings) stands for itself."""
    if text in ("nan", "inf", "-inf"):
        return float(text)
    if text == "set()":
        return set()
    try:
        return literal(text)
    except (ValueError, SyntaxError):
        return text


def lines(name: str) -> list[dict[str, Any]]:
    """The rows of one of the pool's JSONL files, named without its ending."""
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]


@cache
def cases() -> list[Case]:
    """All 164 problems; raises FileNotFoundError where the pool is not beside this checkout."""
    names = ("codegen16b.candidates", "codegen16b.outcomes", "codegen16b.metrics")
    return [_case(*three) for three in zip(*map(lines, names), strict=True)]


def _case(drawn: dict[str, Any], outcomes: dict[str, Any], expected: dict[str, Any]) -> Case:
    name, width = drawn["task_id"], expected["M"]
    if not name == outcomes["task_id"] == expected["task_id"]:
        raise ValueError(f"the pool's files differ in their order at {name}; fetch the pool again")
    texts = [[canonical(read_value(value)) for value in column] for column in outcomes["values"]]
    groups = outcomes.get("loose_groups") or [None] * width
    candidates, traces, keys = [], [], []
    for k, u in enumerate(drawn["candidates"]):
        code = drawn["prompt"] + drawn["unique"][u]
        candidates.append(Candidate(name, k, None, code, code, "stop", None, None, None, 1))
        row = outcomes["rows"][u]
        cells = [
            Outcome(Status.EXCEPTION, cell) if isinstance(cell, str) else Outcome(Status.OK, texts[j][cell])
            for j, cell in enumerate(row)
        ]
        traces.append(Trace(name, k, tuple(cells)))
        keys.append([None if isinstance(c, str) else str(groups[j][c] if groups[j] else c) for j, c in enumerate(row)])
    problem = Problem(name, drawn["prompt"], "", "f", ("()",) * width, "HumanEval", "")
    return Case(Pool(problem, candidates, traces), keys, [bool(flag) for flag in expected["passed"]], expected)


def summary() -> dict[str, Any]:
    """The aggregates over the 15-sample pool."""
    return json.loads((FOLDER / "summary.json").read_text())["codegen16b"]  # type: ignore[no-any-return]  # json
