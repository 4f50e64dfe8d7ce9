"""TACO and APPS: their files, the method's rules on them, and their place in the configuration."""

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf
from rich.console import Console

from conself.datasets.apps import Apps
from conself.datasets.apps_format.rules import Preprocessing
from conself.datasets.dataset import Dataset
from conself.datasets.taco import Taco
from conself.datasets.validation import Rejected, sift
from conself.executors.local import LocalExecutor
from conself.oracles import AppsOracle
from conself.pipelines import stages
from conself.pipelines.parts import Source
from conself.records import Problem
from conself.sandbox import Job, Limits, Outcome, Status, canonical, execute
from tests.datasets.writing import write_lines, write_stream

CONF = Path(__file__).parents[2] / "conf"
REAL = Path(__file__).parents[3] / "shared" / "data" / "taco_stdin.jsonl"
RULES = Preprocessing(max_pairs=30, max_length=5000, length_counts_from=5, picture_marks=())
METHOD = "class Solution:\n    def twice(self, xs: List[int]) -> List[int]:\n        "


def row(question: str = "Add two numbers.", **change: Any) -> dict[str, Any]:
    """A row as TACO has it: every field is text."""
    tests = {"inputs": ["1 2\n", "3 4\n"], "outputs": ["3\n", "7\n"]}
    return {
        "question": question,
        "solutions": '["print(sum(map(int, input().split())))"]',
        "starter_code": "",
        "input_output": json.dumps(tests),
        "difficulty": "EASY",
        "name": None,
        "source": "codeforces",
        "picture_num": None,
        **change,
    }


def calls(name: str, inputs: list[Any], outputs: list[Any]) -> str:
    return json.dumps({"fn_name": name, "inputs": inputs, "outputs": outputs})


ROWS = [
    row(),
    row("Add.", input_output=calls("add", [[1, 2]], [[3]]), starter_code="def add(a, b):\n\t", difficulty="MEDIUM"),
    row("Twice.", input_output=json.dumps(calls("twice", [[[2]]], [[4]])), starter_code=METHOD),
    row("See the picture.", picture_num="1"),
    row("No tests.", input_output=json.dumps({"inputs": [], "outputs": []})),
    row("No name.", starter_code="def f(x):"),
    row("Broken.", input_output="{'inputs': []}"),
    row("  "),
    row("Deep.", input_output=calls("f", [[json.loads("[" * 250 + "]" * 250)]], [[1]])),
    row("Quoted: " + (quote := "tell me whether the balance of the account ever falls below zero")),
]


class Benchmark:
    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def statements(self) -> Iterator[str]:
        return iter(self.texts)

    def fingerprint(self) -> str:
        return "/".join(self.texts)


def taco(path: Path, *, strict: bool = False, rules: Preprocessing = RULES, **benchmarks: Benchmark) -> Taco:
    return Taco("train", str(path), "owner/name", "main", ("train/*.arrow",), strict, rules, benchmarks, 8, prefix="")


def composed(*words: str) -> dict[str, Any]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("train", list(words)).dataset, resolve=True)
    assert isinstance(config, dict)
    return {str(key): value for key, value in config.items()}


def test_every_row_is_a_problem_or_has_a_reason(tmp_path: Path) -> None:
    write_stream(tmp_path / "train" / "data-00000-of-00002.arrow", ROWS[:4])
    write_stream(tmp_path / "train" / "data-00001-of-00002.arrow", ROWS[4:])
    write_stream(tmp_path / "test" / "data-00000-of-00001.arrow", ROWS)
    data = taco(tmp_path, humaneval=Benchmark(quote))
    assert [record.reason if isinstance(record, Rejected) else record for record in data()] == [
        Problem("TACO-train/0", "Add two numbers.", "", None, ("1 2\n", "3 4\n"), "TACO", "EASY"),
        Problem("TACO-train/1", "Add.", "def add(a, b):\n\t", "add", ("(1, 2)",), "TACO", "MEDIUM"),
        Problem("TACO-train/2", "Twice.", METHOD, "twice", ("([2],)",), "TACO", "EASY"),
        "pictures in the statement",
        "no inputs",
        "starter code but no function name",
        "malformed record",
        Problem("TACO-train/7", "  ", "", None, ("1 2\n", "3 4\n"), "TACO", "EASY"),
        Problem("TACO-train/8", "Deep.", "", "f", (f"({'[' * 250}{']' * 250},)",), "TACO", "EASY"),
        "stated in humaneval",
    ]
    wanted = {oracle.problem_id: oracle.expected for oracle in data.oracles()}
    assert [wanted[f"TACO-train/{i}"] for i in (0, 1, 2)] == [(canonical("3\n"), canonical("7\n")), ("3",), ("[4]",)]
    kept, dropped = sift(data())
    assert [problem.id for problem in kept] == ["TACO-train/0", "TACO-train/1", "TACO-train/2"]
    assert sum(dropped.values()) == 7
    assert dropped["an input is not the literal of an argument tuple"] == 1  # nested beyond what a literal may be
    assert dropped["empty statement"] == 1


def test_right_programs_give_what_is_expected(tmp_path: Path) -> None:
    """Through the sandbox: stdin, a function, a method of ``class Solution``."""
    write_stream(tmp_path / "train" / "1.arrow", ROWS)
    problems, _ = sift(taco(tmp_path)())
    wanted = {oracle.problem_id: oracle.expected for oracle in taco(tmp_path).oracles()}
    programs = (
        "print(sum(map(int, input().split())))",
        "def add(a, b): return a + b",
        f"from typing import List\n{METHOD}return [2 * x for x in xs]",
    )
    jobs = [Job(p.id, (code,), p.entry_point, p.inputs) for p, code in zip(problems, programs, strict=False)]
    limits = Limits(4.0, 20.0, memory_mb=1024, output_kb=4096, max_timeouts=3)
    for result in execute(jobs, limits, workers=1):
        assert result.rows[0] == tuple(Outcome(Status.OK, value) for value in wanted[result.job.id])


def test_a_strict_run_stops_at_what_is_malformed_not_at_what_is_dropped(tmp_path: Path) -> None:
    write_stream(tmp_path / "train" / "1.arrow", ROWS)
    records = taco(tmp_path, strict=True)()
    assert len([next(records) for _ in range(6)]) == 6
    with pytest.raises(ValueError, match=r"^TACO-train/6: .*; dataset\.strict=false skips such records$"):
        next(records)


def test_nothing_is_read_before_it_is_wanted_and_no_more_than_a_few_rows(tmp_path: Path) -> None:
    """32 MB of tests in 200 rows pass through a few megabytes of memory."""
    big = row(input_output=json.dumps({"inputs": ["i" * 160_000], "outputs": ["o"]}))
    write_stream(tmp_path / "train" / "1.arrow", [big] * 200)
    tracemalloc.start()
    try:
        sizes = [len(record.inputs[0]) for record in taco(tmp_path)() if isinstance(record, Problem)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sizes == [160_000] * 200
    assert peak < 12e6


def test_the_identity_follows_files_and_benchmarks(tmp_path: Path) -> None:
    write_stream(tmp_path / "train" / "1.arrow", ROWS)
    first = taco(tmp_path, a=Benchmark("x")).fingerprint()
    assert first == taco(tmp_path, a=Benchmark("x")).fingerprint()
    assert first != taco(tmp_path, a=Benchmark("y")).fingerprint()
    assert first != taco(tmp_path).fingerprint()
    write_stream(tmp_path / "train" / "1.arrow", ROWS[:-1])
    assert first != taco(tmp_path, a=Benchmark("x")).fingerprint()


def test_statements_are_those_of_all_rows(tmp_path: Path) -> None:
    write_stream(tmp_path / "train" / "1.arrow", ROWS)
    assert list(taco(tmp_path).statements()) == [row["question"] for row in ROWS]


def test_apps_is_json_lines_with_the_same_fields(tmp_path: Path) -> None:
    rows = [{"id": i, **{k: v for k, v in r.items() if k != "picture_num"}} for i, r in enumerate(ROWS)]
    rows.append({**rows[0], "question": "Look: [Image]"})
    path = write_lines(tmp_path / "train.jsonl", rows)
    path.write_text(path.read_text() + "{cut off")
    words = ["dataset=apps", "dataset.decontaminate=null", f"dataset.path={tmp_path}"]
    data = instantiate(composed(*words), _convert_="all")
    assert isinstance(data, Apps)
    kept, dropped = sift(data())
    assert [problem.id for problem in kept] == [f"APPS-train/{i}" for i in (0, 1, 2, 3, 9)]
    assert dropped["pictures in the statement"] == 1
    assert dropped["malformed record"] == 2
    assert next(iter(data.oracles())) == AppsOracle("APPS-train/0", (canonical("3\n"), canonical("7\n")))


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ([], ["humaneval", "livecodebench", "mbpp"]),
        (["~dataset.decontaminate.mbpp"], ["humaneval", "livecodebench"]),
        (["~dataset.decontaminate", "+dataset.decontaminate={}"], []),
        (["dataset.decontaminate=null"], []),
    ],
)
@pytest.mark.parametrize("name", ["taco", "apps"])
def test_benchmarks_can_be_left_out_on_the_command_line(name: str, words: list[str], left: list[str]) -> None:
    data = instantiate(composed(f"dataset={name}", *words), _convert_="all")
    assert sorted(data.decontaminate or {}) == left


def test_the_splits_files_and_a_benchmarks_path_on_the_command_line() -> None:
    assert composed("dataset=taco")["files"] == ["train/*.arrow"]
    found = composed("dataset=taco", "dataset.split=test", "dataset.decontaminate.livecodebench.path=/x")
    assert found["files"] == ["test/*.arrow"]
    assert (found["decontaminate"]["livecodebench"]["path"], found["path"]) == ("/x", None)


def test_the_papers_rules_are_the_defaults() -> None:
    """docs/method.md#taco."""
    for name in ("taco", "apps"):
        found = composed(f"dataset={name}")["preprocessing"]
        assert (found["max_pairs"], found["max_length"], found["length_counts_from"]) == (30, 5000, 5)


def test_the_stage_counts_what_each_rule_removed(tmp_path: Path) -> None:
    """As a run does it: the configuration, a benchmark to keep out, the stage, and the oracles of what it kept."""
    write_stream(tmp_path / "train" / "1.arrow", ROWS)
    prompt = f'def below(account):\n    """{quote.title()}."""\n'
    problem = {"task_id": "H/0", "prompt": prompt, "entry_point": "below", "canonical_solution": "    return 1\n"}
    path = write_lines(tmp_path / "humaneval.jsonl", [{**problem, "test": "def check(f):\n    assert f(1)\n"}])
    words = ["dataset=taco", f"dataset.path={tmp_path}", f"dataset.decontaminate.humaneval.path={path}"]
    words += ["~dataset.decontaminate.mbpp", "~dataset.decontaminate.livecodebench"]
    context, config = stages.Context(tmp_path / "store", LocalExecutor(1), Console(quiet=True)), composed(*words)
    artifact = stages.problems(context, "problems", Source.of(OmegaConf.create(config), Dataset), None)
    assert artifact.summary() == {
        "total": 3,
        "dropped": {
            "pictures in the statement": 1,
            "no inputs": 1,
            "starter code but no function name": 1,
            "malformed record": 1,
            "empty statement": 1,
            "an input is not the literal of an argument tuple": 1,
            "stated in humaneval": 1,
        },
    }
    assert {o.problem_id for o in instantiate(OmegaConf.create(config)).oracles()} >= {"TACO-train/0", "TACO-train/2"}


@pytest.mark.skipif(not REAL.is_file(), reason=f"the real statements are not at {REAL.parent}")
def test_real_benchmarks_are_kept_out(tmp_path: Path) -> None:
    """HumanEval and MBPP as they are configured, with local copies, against texts that quote one problem of each."""
    texts = [
        "Bank\n\nYou're given a list of deposit and withdrawal operations on a bank account that starts with\nzero "
        "balance. Your task is to detect if at any point the balance of account fallls below zero, and at that point "
        "function should return True. Otherwise it should return False.\n\n-----Input-----\n\nA line.",
        "Write a function to find the shared elements from the given two lists!",
        "Write a function to find the shared elements from the given three lists!",
    ]
    write_stream(tmp_path / "train" / "1.arrow", [row(text) for text in texts])
    shared = {"humaneval": "HumanEval.jsonl.gz", "mbpp": "mbpp_sanitized.jsonl"}
    words = [f"dataset.decontaminate.{name}.path={REAL.parent / file}" for name, file in shared.items()]
    words += ["dataset=taco", f"dataset.path={tmp_path}", "~dataset.decontaminate.livecodebench"]
    records = list(instantiate(composed(*words), _convert_="all")())
    assert records[0] == Rejected("TACO-train/0", "stated in humaneval")
    assert records[1] == Rejected("TACO-train/1", "stated in mbpp")
    assert isinstance(records[2], Problem)


@pytest.mark.skipif(not REAL.is_file(), reason=f"the TACO problems are not at {REAL}")
def test_two_hundred_real_problems(tmp_path: Path) -> None:
    """Written as TACO's own files are: every one is kept with all its tests, and a right program is judged right."""
    records = [json.loads(line) for line in REAL.read_text().splitlines()]
    rows = []
    for record in records:
        tests = [(test["stdin"], test["expected"]) for test in record["tests"]]
        pairs = {"inputs": [a for a, _ in tests], "outputs": [b for _, b in tests]}
        rows.append(row(record["question"], input_output=json.dumps(pairs)))
    write_stream(tmp_path / "train" / "1.arrow", rows)
    kept, dropped = sift(taco(tmp_path)())
    assert dropped == {}
    oracles = list(taco(tmp_path).oracles())
    for record, problem, oracle in zip(records, kept, oracles, strict=True):
        assert problem.statement == record["question"]
        assert list(problem.inputs) == [test["stdin"] for test in record["tests"]]
        assert list(oracle.expected) == [canonical(test["expected"]) for test in record["tests"]]
