from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from conself.agreement.comparison import Comparison
from conself.agreement.traces import Agreement, agreement_of, trace_keys
from conself.records import Candidate, Outcome, Pool, Problem, Status, Trace, Undefined

METHOD = Comparison(list_equals_tuple=True, numbers="by_type", floats="digits", float_digits=6, split_whitespace=True)
OUTPUTS = {"N": "null"}


def _make_pool(rows: Sequence[str], entry_point: str | None = "f", **fields: Sequence[object]) -> Pool:
    width = len(rows[0]) if rows else 0
    problem = Problem("p", "", "", entry_point, ("(1,)",) * width, "", "")
    candidates = []
    for k in range(len(rows)):
        candidate = Candidate("p", k, None, f"text {k}", f"code {k}", "stop", 1.0, 1.0, 15, 3)
        candidates.append(replace(candidate, **{name: values[k] for name, values in fields.items()}))
    crash = Outcome(Status.EXCEPTION, "ValueError")
    traces = [
        Trace(
            "p",
            k,
            tuple(crash if cell == "." else Outcome(Status.OK, OUTPUTS.get(cell, f'"{cell}"')) for cell in row),
        )
        for k, row in enumerate(rows)
    ]
    return Pool(problem, candidates, traces)


@pytest.fixture(scope="session")
def make_pool() -> Callable[..., Pool]:
    """``make_pool(["ab", "a."], mean_nll=[1, 2])``: a trace per row, a letter per output (N: None), a dot for CRASH."""
    return _make_pool


def _agreed(pool: Pool) -> Agreement:
    return agreement_of(trace_keys(pool, METHOD))


@pytest.fixture(scope="session")
def score() -> Callable[..., Any]:
    """``score(metric, rows or pool)``: the metric of a pool, with what its candidates agree on worked out."""

    def scored(metric: Callable[[Pool, Agreement], float | Undefined], rows: Pool | Sequence[str]) -> float | Undefined:
        pool = rows if isinstance(rows, Pool) else _make_pool(rows)
        return metric(pool, _agreed(pool))

    return scored
