from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from conself.records import Candidate, Outcome, Pool, Problem, Status, Trace


def _make_pool(rows: Sequence[str], **fields: Sequence[object]) -> Pool:
    width = len(rows[0]) if rows else 0
    problem = Problem("p", "", "", "f", ("(1,)",) * width, "", "")
    candidates = []
    for k in range(len(rows)):
        candidate = Candidate("p", k, None, f"text {k}", f"code {k}", "stop", 1.0, 1.0, 15, 3)
        candidates.append(replace(candidate, **{name: values[k] for name, values in fields.items()}))
    crash = Outcome(Status.EXCEPTION, "ValueError")
    traces = [
        Trace("p", k, tuple(crash if cell == "." else Outcome(Status.OK, f'"{cell}"') for cell in row))
        for k, row in enumerate(rows)
    ]
    return Pool(problem, candidates, traces)


@pytest.fixture(scope="session")
def make_pool() -> Callable[..., Pool]:
    """``make_pool(["ab", "a."], mean_nll=[1, 2])``: one trace per row, one letter per output, a dot for CRASH."""
    return _make_pool
