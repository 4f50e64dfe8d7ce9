from collections.abc import Callable, Sequence

import pytest

from conself.agreement.comparison import Comparison
from conself.agreement.traces import Agreement, agreement_of, trace_keys
from conself.records import Candidate, Outcome, Pool, Problem, Status, Trace


def _make_case(rows: Sequence[str], codes: Sequence[str | None] | None = None) -> tuple[Pool, Agreement]:
    problem = Problem("p", "", "", "f", ("(1,)",) * len(rows[0]), "", "")
    programs = [f"code {k}" for k in range(len(rows))] if codes is None else codes
    candidates = [
        Candidate("p", k, None, f"text {k}", program, "stop", None, None, None, 3) for k, program in enumerate(programs)
    ]
    crash = Outcome(Status.TIMEOUT, "")
    traces = [
        Trace("p", k, tuple(crash if cell == "." else Outcome(Status.OK, f'"{cell}"') for cell in row))
        for k, row in enumerate(rows)
    ]
    pool = Pool(problem, candidates, traces)
    comparison = Comparison(True, "by_type", "digits", 6, split_whitespace=True)
    return pool, agreement_of(trace_keys(pool, comparison))


@pytest.fixture(scope="session")
def make_case() -> Callable[..., tuple[Pool, Agreement]]:
    """``make_case(["ab", "a."], ["code", None])``: a pool (a dot is CRASH) and its agreement."""
    return _make_case
