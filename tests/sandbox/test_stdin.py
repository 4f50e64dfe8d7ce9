"""Programs that read standard input and write standard output: limits, and that inputs and outputs stay apart.

That honest ones behave as under a plain interpreter is tested in test_fidelity.py.
"""

from collections.abc import Callable

from conself.sandbox import Outcome, Status

Run = Callable[..., list[tuple[Outcome, ...]]]


def test_limits(run: Run) -> None:
    programs = [
        "while True: print('flood')",
        "while True:\n try: print('flood')\n except OSError: pass",
        "while True: pass",
        "import time; time.sleep(60)",
        "x = [0] * 10**9",
        "def f(:",
        "import os\nos.ftruncate(1, 10**12)",
        "print('x' * 65535)",
        "print('x' * 65536)",
    ]
    rows = run(programs, ["", ""], entry_point=None, cpu_seconds=0.3, wall_seconds=1.5)
    statuses = [[outcome.status.name for outcome in row] for row in rows]
    assert statuses == [
        ["OUTPUT_LIMIT"] * 2,
        ["OUTPUT_LIMIT"] * 2,
        ["TIMEOUT"] * 2,
        ["TIMEOUT"] * 2,
        ["MEMORY"] * 2,
        ["COMPILE_ERROR"] * 2,
        ["EXCEPTION"] * 2,
        ["OK"] * 2,
        ["OUTPUT_LIMIT"] * 2,
    ]


def test_inputs_and_outputs_do_not_mix(run: Run) -> None:
    vandal = (
        "import os, sys\nprint(sys.stdin.read(), end='', flush=True)\n"
        "try: os.ftruncate(0, 0); os.pwrite(0, b'forged', 0)\nexcept OSError: pass"
    )
    echo = "print(input())"
    rows = run([vandal, echo], ["one\n", "two\n"], entry_point=None)
    assert rows[0] == rows[1] == (Outcome(Status.OK, '"one\\n"'), Outcome(Status.OK, '"two\\n"'))


def test_surrogates_and_large_inputs_arrive(run: Run) -> None:
    program = "import sys\nprint(len(sys.stdin.buffer.read()))"
    (row,) = run([program], ["x" * 3_000_000, "é\ud800"], entry_point=None)
    assert [outcome.value for outcome in row] == ['"3000000\\n"', '"5\\n"']


def test_output_that_cannot_be_written_is_a_failed_end(run: Run) -> None:
    """A plain interpreter ends with exit code 120 then; what is left in a buffer does not reach the next output."""
    programs = ["open(1, 'w').close()\nprint(input())", "import sys\nprint(input())\nsys.stdout.detach()"]
    assert run(programs, ["1\n", "2\n", "3\n"], entry_point=None) == [(Outcome(Status.EXIT, ""),) * 3] * 2


def test_a_failure_on_one_input_says_nothing_about_the_others(run: Run) -> None:
    programs = [
        "n = int(input())\nprint(1 // (n - 2) ** 2)",
        "n = int(input())\nif n == 2: exit(1)\nprint(1)",
        "n = int(input())\nwhile n == 2: pass\nprint(1)",
        "n = int(input())\na = [0] * (10**9 if n == 2 else 1)\nprint(1)",
        "n = int(input())\nprint('1' * (10**6 if n == 2 else 1))",
        "import sys\nn = int(input())\nif n == 2: sys.stdout = None\nprint(1)",
    ]
    rows = run(programs, ["1\n", "2\n", "3\n"], entry_point=None, cpu_seconds=0.3)
    assert [[outcome.status.name for outcome in row] for row in rows] == [
        ["OK", name, "OK"] for name in ("EXCEPTION", "EXIT", "TIMEOUT", "MEMORY", "OUTPUT_LIMIT", "OK")
    ]
    assert {row[0].value for row in rows} == {row[2].value for row in rows} == {'"1\\n"'}
