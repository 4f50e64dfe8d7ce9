"""What users report about values and equality, with their inputs: see ORIGIN.md in each folder."""

import json
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from conself.agreement.comparison import Comparison
from conself.agreement.traces import Agreement, agreement_of, trace_keys
from conself.benchmarks.dataset import DatasetBenchmark
from conself.datasets.livecodebench import LiveCodeBench
from conself.pipelines.answering import with_room
from conself.pool_files.file import read_pool
from conself.records import Pool, Trace
from conself.sandbox import Job, Limits, Summary, execute
from conself.sandbox.__main__ import main
from conself.sandbox.journal import read
from conself.sandbox.prefix import with_prefix

HERE = Path(__file__).parent
LIMITS = Limits(
    cpu_seconds=5.0, wall_seconds=20.0, memory_mb=1024, output_kb=64, max_timeouts=1, packages=("numpy",), audit=0.0
)
# as read off LiveCodeBench's own harness, with numpy
RIGHT = """int_as_float float_as_int int_as_bool stdin_decimal_zeros stdin_decimal_fixed deep_recursion_call
deep_recursion_stdin deep_cached_recursion bare_stdin bare_math_names main_guard numpy_import numpy_scalar
big_stdout_int sys_setrecursion_thread"""
WRONG = "nested_tuples float_noise lines_joined"
STRICTER = "exit_status_one"  # right there, for it looks at the output alone: docs/equality.md


def configured(*words: str) -> Comparison:
    with initialize_config_dir(str(HERE.parents[1] / "conf"), version_base="1.3"):
        found: Comparison = instantiate(compose("score", ["pool=x", *words]).comparison)
        return found


def agreed(name: str, *words: str) -> dict[str, Agreement]:
    """What the programs of a pool file agree on."""
    lines = {line.problem.id: line for line in read_pool(HERE / name)}
    jobs = [
        Job(name, tuple(str(c.code) for c in line.candidates), line.problem.entry_point, line.problem.inputs)
        for name, line in lines.items()
    ]
    comparison, found = configured(*words), {}
    for result in execute(jobs, LIMITS, workers=1):
        line = lines[result.job.id]
        traces = [Trace(line.problem.id, index, row) for index, row in enumerate(result.rows)]
        found[line.problem.id] = agreement_of(trace_keys(Pool(line.problem, line.candidates, traces), comparison))
    return found


def judged(folder: Path, limits: Limits) -> tuple[dict[str, bool], Summary]:
    """Whether each sample of a folder in LiveCodeBench's form is right, and the summary of its execution."""
    data = LiveCodeBench("release_v1", str(folder), "", "", strict=True, max_tests_mb=1, start=None, end=None)
    task = DatasetBenchmark(data, configured())()
    samples = {s["task_id"]: s["solution"] for s in map(json.loads, (folder / "samples.jsonl").open())}
    jobs = [Job(p.id, (with_prefix(p.prefix, samples[p.id]),), p.entry_point, p.inputs) for p in task.problems]
    results = {r.job.id: r for r in execute(jobs, with_room(limits, task.judge.longest()), workers=1)}
    answers = [(p, [Trace(p.id, 0, results[p.id].rows[0])]) for p in task.problems]
    passed = {name.partition("/")[2]: verdict for name, [verdict] in task.judge(answers, workers=1).items()}
    return passed, sum(map(Summary.of, results.values()), Summary())


def test_livecodebench_answers_are_judged_as_its_harness_does() -> None:
    found, summary = judged(HERE / "02-lcb-verdicts", LIMITS)
    assert found == {**dict.fromkeys(RIGHT.split(), True), **dict.fromkeys((*WRONG.split(), STRICTER), False)}
    assert (summary.recursion_errors, summary.cut_outputs, summary.unreadable) == (0, 0, 0)


def test_values_of_any_type_differ_where_what_they_hold_differs() -> None:
    found = agreed("06-opaque-values/pool.jsonl")
    assert len(found) == 23
    assert {name: each.clusters for name, each in found.items()} == dict.fromkeys(found, ((0, 2), (1, 3)))


def test_sums_in_another_order_agree() -> None:
    found = agreed("07-float-halves/pool.jsonl")
    assert {name: each.clusters for name, each in found.items()} == dict.fromkeys(found, ((0, 1, 2, 3, 4, 5),))
    rounded = agreed("07-float-halves/pool.jsonl", "comparison.floats=digits")
    assert sum(len(each.clusters) > 1 for each in rounded.values()) == 18  # at a rounding edge


def test_whole_floats_do_not_merge() -> None:
    (found,) = agreed("07-float-halves/pool_large.jsonl").values()
    assert found.clusters == ((0, 3), (1,), (2,))
    assert judged(HERE / "07-float-halves", LIMITS)[0] == {"4001": False}


def test_the_sandbox_joins_a_prefix_as_every_other_door_does(tmp_path: Path) -> None:
    assert main([str(HERE / "09-future-import" / "pool.jsonl"), str(tmp_path / "out.jsonl"), "--workers", "1"]) == 0
    (done,) = read(tmp_path / "out.jsonl")
    assert [[(o.status.value, o.value) for o in row] for row in done.rows] == [[("ok", "3"), ("ok", "7")]] * 3


def record(name: str, output: str, function: str | None) -> dict[str, Any]:
    case = {"input": "1", "output": output, "testtype": "functional" if function else "stdin"}
    metadata = json.dumps({"func_name": function} if function else {})
    return {"question_id": name, "question_content": name, "metadata": metadata} | {
        "public_test_cases": json.dumps([case]),
        "private_test_cases": "[]",
    }


def test_a_right_answer_may_be_as_long_as_what_is_expected(tmp_path: Path) -> None:
    numbers = list(range(200_000))  # 1.3 MB of JSON; as floats the recorded text has some 3.6 MB
    rows = [record("floats", json.dumps(numbers), "f"), record("lines", "x" * 70_000, None)]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    programs = {"floats": "def f(n):\n    return [float(i) for i in range(200000)]\n", "lines": "print('x' * 70000)"}
    lines = [json.dumps({"task_id": f"livecodebench/{k}", "solution": v}) + "\n" for k, v in programs.items()]
    (tmp_path / "samples.jsonl").write_text("".join(lines))
    found, summary = judged(tmp_path, LIMITS)
    assert found == {"floats": True, "lines": True}
    assert summary.cut_outputs == 0


def test_the_room_for_answers_has_a_ceiling() -> None:
    assert with_room(LIMITS, 0) == LIMITS
    assert with_room(LIMITS, 1024).output_kb == 64 + 12
    assert with_room(LIMITS, 1 << 40).output_kb == 1 << 16


@pytest.mark.parametrize(
    ("program", "given", "printed"),
    [
        ("print(open('/dev/stdin').read().upper(), end='')", "a\nb\n", "A\nB\n"),
        ("import sys\nsys.stdin = open('/dev/stdin', 'r')\nprint(input())\nprint(input())", "a\nb\n", "a\nb\n"),
        ("with open('/dev/stdin', 'rb') as f:\n    print(len(f.readline()), end='')", "ab\n", "3"),
        ("print(input())\nprint(open('/dev/stdin', encoding='utf-8').read())", "a\n", "a\n\n"),  # a pipe goes on
    ],
)
def test_the_path_of_standard_input_reads_it(program: str, given: str, printed: str) -> None:
    for inputs in ((given,), (given, given)):
        (result,) = execute([Job("j", (program,), None, inputs)], LIMITS, workers=1)
        assert [(o.status.value, json.loads(o.value)) for o in result.rows[0]] == [("ok", printed)] * len(inputs)


def test_the_path_of_standard_input_is_not_for_writing() -> None:
    (result,) = execute([Job("j", ("open('/dev/stdin', 'w').write('a')",), None, ("b",))], LIMITS, workers=1)
    assert result.rows[0][0].status.value == "exception"


def test_what_went_wrong_is_counted() -> None:
    programs = (
        "def f(n): return f(n)",
        "def f(n): return f if n else 1",
        "def f(n): return 'x' * 70000 * n",
        "import itertools\ndef f(n): return itertools.count()",
        "import no_such_module",
        "def f(n): return n",
    )
    (result,) = execute([Job("j", programs, "f", ("(1,)", "(0,)"))], LIMITS, workers=1)
    found = Summary.of(result)
    counts = ("recursion_errors", "unreadable", "cut_outputs", "long_iterators", "missing_modules")
    assert [getattr(found, name) for name in counts] == [1, 1, 1, 1, 1]
    assert Summary(**found.as_dict()) + Summary() == found
