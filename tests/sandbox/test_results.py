"""Counts over results, by hand; and what a whole call of the engine says of its own work."""

from hypothesis import given
from hypothesis import strategies as st

from conself.sandbox import SKIPPED, Audit, Job, Limits, Note, Outcome, Result, Status, Summary, execute

OK, TIMEOUT = Outcome(Status.OK, "1"), Outcome(Status.TIMEOUT, "")
SKIP, MISSING = Outcome(Status.TIMEOUT, SKIPPED), Outcome(Status.EXCEPTION, "ModuleNotFoundError")
FAST, EXACT = Note(exact=False, audit=None), Note(exact=True, audit=None)


def result(rows: list[tuple[Outcome, ...]], notes: list[Note]) -> Result:
    return Result(Job("j", tuple("" for _ in rows), "f", ("(1,)", "(2,)")), rows, notes)


def test_counts_by_hand() -> None:
    rows = [(OK, TIMEOUT), (SKIP, SKIP), (MISSING, MISSING), (OK, OK)]
    notes = [FAST, EXACT, Note(exact=False, audit=Audit.LEAKED), Note(exact=True, audit=Audit.NONDETERMINISTIC)]
    assert Summary.of(result(rows, notes)) == Summary(
        programs=4,
        executions=8,
        statuses={"exception": 2, "ok": 3, "timeout": 3},
        skipped=2,
        exact=2,
        audited=2,
        leaked=1,
        nondeterministic=1,
        missing_modules=1,
    )


def test_no_results_and_no_inputs() -> None:
    assert Summary.of(result([(), ()], [FAST, FAST])) == Summary(programs=2)
    assert Summary() + Summary() == Summary()


outcomes = st.sampled_from([OK, TIMEOUT, SKIP, MISSING])
notes = st.builds(Note, exact=st.booleans(), audit=st.none() | st.sampled_from(Audit))
programs = st.lists(st.tuples(st.tuples(outcomes, outcomes), notes), max_size=4)


@given(programs, programs)
def test_a_sum_is_the_summary_of_all_and_survives_json(left: list[tuple], right: list[tuple]) -> None:  # type: ignore[type-arg]
    both, one, other = (
        Summary.of(result([row for row, _ in part], [note for _, note in part])) for part in (left + right, left, right)
    )
    assert one + other == both
    assert Summary(**both.as_dict()) == both


def test_a_run_counts_its_own_work() -> None:
    programs = (
        "def f(x): return x",
        "import gc\ndef f(x): return x",  # may leak: one process per input
        "def f(x):\n while True: pass",
        "import no_such_module",
        None,
        "def f(x): return x",
    )
    limits = Limits(cpu_seconds=0.2, wall_seconds=5.0, memory_mb=128, output_kb=1, max_timeouts=1, audit=0.0)
    (done,) = execute([Job("j", programs, "f", ("(1,)", "(2,)", "(3,)"))], limits, 1)
    assert [outcome.value for outcome in done.rows[2]] == ["", SKIPPED, SKIPPED]
    assert Summary.of(done) == Summary(
        programs=6,
        executions=18,
        statuses={"compile_error": 3, "exception": 3, "ok": 9, "timeout": 3},
        skipped=2,
        exact=1,
        missing_modules=1,
        modules={"no_such_module": 1},
    )


def test_modules_are_named_where_an_import_failed() -> None:
    first = "import math, numpy.linalg\nfrom pandas.io import json\nfrom . import x"
    programs = (first, "import numpy", "import scipy")
    rows = [(MISSING, OK), (MISSING, MISSING), (OK, OK)]
    done = Result(Job("j", programs, "f", ("(1,)", "(2,)")), rows, [FAST] * 3)
    assert Summary.of(done).modules == {"numpy": 2, "pandas": 1}
    assert (Summary.of(done) + Summary.of(done)).modules == {"numpy": 4, "pandas": 2}
