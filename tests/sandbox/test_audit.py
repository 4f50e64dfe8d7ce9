"""A second look at some programs: do the fast and the exact path agree, do values repeat?"""

from conself.sandbox import Audit, Job, Limits, Note, Outcome, Status, Summary, execute

INPUTS = tuple(f"({n},)" for n in range(5))


def limits(audit: float) -> Limits:
    return Limits(cpu_seconds=0.5, wall_seconds=5.0, memory_mb=256, output_kb=64, max_timeouts=1, audit=audit)


def run(program: str, entry_point: str | None = "f", audit: float = 1.0) -> tuple[tuple[Outcome, ...], Note]:
    (result,) = execute([Job("j", (program,), entry_point, INPUTS)], limits(audit), 1)
    return result.rows[0], result.notes[0]


def test_programs_that_repeat_agree_on_either_path() -> None:
    assert run("def f(x): return x")[1] == Note(exact=False, audit=Audit.AGREED)
    assert run("import gc\ndef f(x): return x")[1] == Note(exact=True, audit=Audit.AGREED)
    assert run("print(input())", None)[1] == Note(exact=False, audit=Audit.AGREED)


def test_a_leak_that_the_analysis_does_not_see_is_found_and_run_again_exactly() -> None:
    # the process's own CPU clock goes on from input to input
    program = (
        "import time\ndef f(x):\n start = time.process_time()\n while time.process_time() < start + 0.06: pass\n"
        " return start < 0.06"
    )
    row, note = run(program)
    assert note == Note(exact=False, audit=Audit.LEAKED)
    assert row == (Outcome(Status.OK, "true"),) * 5  # exactly: every call finds a young process


def test_values_that_do_not_repeat_are_reported() -> None:
    for program in ("def f(x): return str(object())", "import time\ndef f(x): return time.perf_counter()"):
        assert run(program)[1].audit is Audit.NONDETERMINISTIC
    assert run("import gc, time\ndef f(x): return time.time()")[1] == Note(exact=True, audit=Audit.NONDETERMINISTIC)
    assert run("import time\nprint(time.time())", None)[1].audit is Audit.NONDETERMINISTIC


def test_random_numbers_and_hashes_repeat() -> None:
    for program in ("import random\ndef f(x): return random.random(), hash('a'), list({'a', 'b', 'c'})",):
        assert run(program)[1].audit is Audit.AGREED


def test_time_outs_say_nothing() -> None:
    row, note = run("def f(x):\n while x > 1: pass\n return x")
    assert [outcome.status for outcome in row] == [Status.OK] * 2 + [Status.TIMEOUT] * 3
    assert note.audit is Audit.AGREED


def test_the_share_that_is_audited_is_chosen_by_the_text() -> None:
    programs = tuple(f"def f(x): return {n}" for n in range(400))
    first, second = (
        [note.audit for note in result.notes]
        for _ in range(2)
        for result in execute([Job("j", programs, "f", ("(1,)",))], limits(0.1), 1)
    )
    assert first == second
    assert 20 <= sum(audit is not None for audit in first) <= 60  # 40 expected, standard deviation 6
    (none,) = execute([Job("j", programs[:20], "f", ("(1,)",))], limits(0.0), 1)
    assert Summary.of(none).audited == 0
