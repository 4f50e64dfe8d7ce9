"""What users report about whole jobs, with their inputs, by the commands' own entry points in this process."""

import gzip
import json
import math
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from conself import evaluate
from conself.app.job import package_path
from conself.datasets.dataset import Dataset
from conself.datasets.jsonl import Jsonl
from conself.executors.local import LocalExecutor
from conself.pipelines import stages
from conself.pipelines.context import Context
from conself.pipelines.parts import Source
from conself.pipelines.preference import checks
from conself.pool_files.file import read_pool
from conself.records import Problem
from conself.runtime.console import new_console
from conself.sandbox import Job, Limits, execute
from conself.sandbox.jobfile import JobFile
from conself.sandbox.jobs import arguments
from conself.sandbox.jsonlines import call_literal
from conself.sandbox.prefix import with_prefix
from conself.store.tables import read_records

pytestmark = pytest.mark.e2e

HERE = Path(__file__).parent
LIMITS = Limits(cpu_seconds=5.0, wall_seconds=20.0, memory_mb=256, output_kb=64, max_timeouts=1, audit=0.0)
Command = Callable[..., tuple[dict[str, Any], dict[str, bool], str]]


@pytest.fixture
def judge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """``conself.evaluate`` on samples: the figures, whether each answer is right, and what the console says."""

    def run(*words: str) -> tuple[dict[str, Any], dict[str, bool], str]:
        places = [f"hydra.run.dir={tmp_path}/run", f"artifacts={tmp_path}/store", "tracking=none", "executor.workers=1"]
        monkeypatch.setattr(sys, "argv", ["evaluate", *places, *words])
        evaluate.main()
        rows = map(json.loads, (tmp_path / "run" / "verdicts.jsonl").read_text().splitlines())
        figures = json.loads((tmp_path / "run" / "results.json").read_text())
        return figures, {row["id"].partition("/")[2]: row["passed"][0] for row in rows}, capsys.readouterr().out

    return run


def livecodebench(folder: Path) -> list[str]:
    place = "benchmark.livecodebench.dataset"
    return ["benchmark=livecodebench", f"{place}.path={folder}", f"{place}.version=release_v1"]


def test_samples_are_not_judged_by_the_recipe_of_a_model_that_does_not_answer(judge: Command) -> None:
    folder = HERE / "02-lcb-verdicts"
    words = [f"samples={folder}/samples.jsonl", *livecodebench(folder)]
    figures, passed, console = judge(*words)
    assert (passed["numpy_import"], passed["numpy_scalar"]) == (True, True)
    assert "lack a module" not in console
    assert "missing_modules" not in figures["losses"].get("evaluate/livecodebench/base", {})


def test_missing_modules_are_named_with_their_counts_and_the_remedy(judge: Command) -> None:
    folder = HERE / "02-lcb-verdicts"
    words = [f"samples={folder}/samples.jsonl", *livecodebench(folder), "judging.packages=[]"]
    for _ in ("made", "reused"):
        figures, passed, console = judge(*words)
        assert (passed["numpy_import"], passed["numpy_scalar"]) == (False, False)
        assert "- 2 programs lack a module (numpy 2): grant it by judging.packages=[numpy]" in console
        lost = figures["losses"]["evaluate/livecodebench/base"]
        assert (lost["missing_modules"], lost["modules"]) == (2, {"numpy": 2})
        assert "recursion_errors" not in lost


@pytest.mark.parametrize("ids", ["question_ids", "with_prefix"])
def test_samples_are_matched_by_the_benchmarks_own_ids(ids: str, judge: Command) -> None:
    folder = HERE / "16-sample-files"
    figures, passed, console = judge(f"samples={folder}/{ids}.jsonl", *livecodebench(folder))
    assert passed == dict.fromkeys(("3194", "abc301_a", "arc189_c", "1873_D"), True)
    assert figures["losses"] == {}
    window = {"version": "release_v1", "start": None, "end": None}
    assert figures["benchmarks"]["livecodebench"]["window"] == window
    assert "livecodebench: release_v1, problems from its beginning to its end" in console


def test_the_dates_of_the_problems_stand_in_the_result(judge: Command) -> None:
    folder, place = HERE / "16-sample-files", "benchmark.livecodebench.dataset"
    days = [f"{place}.start='2024-01-01'", f"{place}.end='2024-06-30'"]
    figures, _, console = judge(f"samples={folder}/question_ids.jsonl", *livecodebench(folder), *days)
    window = {"version": "release_v1", "start": "2024-01-01", "end": "2024-06-30"}
    assert figures["benchmarks"]["livecodebench"]["window"] == window
    assert "livecodebench: release_v1, problems from 2024-01-01 to 2024-06-30" in console


def test_taco_programs_get_what_its_harness_grants(judge: Command) -> None:
    """Two are wrong: 7 multiplies the text ``N = 3`` by itself, 12 prints ``Yes`` for ``YES``."""
    folder = HERE / "04-taco-records"
    place = f"benchmark.taco_validation.dataset.path={folder}/test.jsonl"
    _, passed, _ = judge(f"samples={folder}/samples.jsonl", "benchmark=taco_validation", place)
    assert {name for name, right in passed.items() if not right} == {"7", "12"}


def test_a_leetcode_signature_runs_without_an_import() -> None:
    """A method per signature: NameError in CPython without the prefix, the sum with it."""
    with initialize_config_dir(str(HERE.parents[1] / "conf"), version_base="1.3"):
        words = [f"dataset.path={HERE}/17-leetcode-signature/train.jsonl", "dataset.decontaminate=null"]
        data = instantiate(compose("train", ["dataset=taco", *words]).dataset, _convert_="all")
    code = "class Solution:\n    def total(self, nums: List[int]) -> int:\n        return sum(nums)\n"
    problems = [problem for problem in data() if isinstance(problem, Problem)]
    assert len(problems) == 2
    for problem in problems:
        bare, granted = Job("bare", (code,), "total", problem.inputs), with_prefix(problem.prefix, code)
        job = Job("granted", (granted,), "total", problem.inputs)
        rows = {result.job.id: result.rows[0] for result in execute([bare, job], LIMITS, workers=1)}
        assert [outcome.value for outcome in rows["bare"]] == ["NameError"] * 3
        assert [outcome.value for outcome in rows["granted"]] == ["6", "9", "9"]


@pytest.mark.parametrize("dataset", [*(path.stem for path in (HERE.parents[1] / "conf" / "dataset").glob("*.yaml"))])
def test_size_smoke_works_with_every_data_set(dataset: str) -> None:
    with initialize_config_dir(str(HERE.parents[1] / "conf"), version_base="1.3"):
        config = compose(
            "train", ["size=smoke", f"dataset={dataset}", "+dataset.path=x" if dataset == "jsonl" else "seed=0"]
        )
    instantiate(config.dataset, _convert_="all")  # a setting that it has not is an error
    assert config.max_problems == 60
    assert config.dataset.get("size") == (60 if dataset == "minipy" else None)


def test_of_a_data_set_the_first_problems_are_taken(tmp_path: Path) -> None:
    lines = [json.dumps({"statement": f"s{i}", "inputs": ["1"]}) for i in range(5)]
    (tmp_path / "mine.jsonl").write_text("\n".join(lines))
    config = OmegaConf.create(
        {"_target_": "conself.datasets.jsonl.Jsonl", "path": f"{tmp_path}/mine.jsonl", "strict": True, "prefix": ""}
    )
    context = Context(tmp_path / "store", LocalExecutor(1), new_console(quiet=True))
    few, every = (stages.problems(context, "problems", Source.of(config, Dataset), most) for most in (2, None))
    assert [p.id for p in read_records(few.path, Problem, "problems")] == ["mine/1", "mine/2"]
    assert few.summary() == {"total": 2, "dropped": {"beyond max_problems": 3}}
    assert every.summary() == {"total": 5, "dropped": {}}


def test_a_model_without_a_chat_template_is_told_before_any_work(tmp_path: Path) -> None:
    own = Path(package_path("conself.minipy", "checkpoint"))
    shutil.copytree(own, tmp_path / "model", ignore=shutil.ignore_patterns("chat_template.jinja"))
    words = ["engine=openai", "engine.endpoint.base_url=http://127.0.0.1:9/v1", "engine@answering=transformers"]
    with initialize_config_dir(str(HERE.parents[1] / "conf"), version_base="1.3"):
        config = compose("train", [*words, f"model.name={tmp_path}/model", "engine.endpoint.model_name=any"])
        plain = compose("train", [f"model.name={tmp_path}/model", "prompts=fewshot"])
    with pytest.raises(ValueError, match="has no chat template; choose an instruction-tuned model"):
        checks.load(config)
    checks.load(plain)  # exemplars need none


@pytest.mark.parametrize("ending", ["", ".gz"])
def test_one_form_of_file_whoever_reads_it(ending: str, tmp_path: Path) -> None:
    """A byte order mark, gzip, and infinity (which is what 1e999 is to Python): pools, jobs and own problems."""
    pack: Callable[[bytes], bytes] = gzip.compress if ending else bytes
    first, *_ = (HERE / "01-bom" / "pool_bom.jsonl").read_bytes().splitlines()
    assert first.startswith(b"\xef\xbb\xbf")
    pool, mine = tmp_path / f"pool.jsonl{ending}", tmp_path / f"mine.jsonl{ending}"
    pool.write_bytes(pack(first.replace(b"[5]", b"[-Infinity]") + b"\n"))
    mine.write_bytes(pack((HERE / "01-bom" / "problems_bom.jsonl").read_bytes()))
    (line,), (job,) = read_pool(pool), JobFile(pool)
    for inputs in (line.problem.inputs, job.inputs):
        assert [eval(text) for text in inputs] == [(1,), (2,), (-math.inf,)]
    problems = list(Jsonl(str(mine), strict=True, prefix="")())
    rows = (HERE / "01-bom" / "problems_bom.jsonl").read_text("utf-8-sig").splitlines()
    assert [problem.id for problem in problems] == [json.loads(r).get("id", f"mine/{n}") for n, r in enumerate(rows, 1)]
    mine.write_bytes(pack(b'{"statement": "s", "entry_point": "f", "inputs": [[Infinity, {"a": [1, -Infinity]}]]}'))
    (problem,) = Jsonl(str(mine), strict=True, prefix="")()
    assert isinstance(problem, Problem)
    assert problem.inputs == ("(1e999, {'a': [1, -1e999]})",)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ((b'"a"', b"7"), "7"),
        ((b'"a"', b'"7"'), "7"),
        ((b"[5]", b"[" + b"9" * 5000 + b"]"), (10**5000 - 1,)),
        ((b"[5]", b'[{"a": [-1' + b"0" * 99_999 + b"]}]"), ({"a": [-(10**99_999)]},)),
        ((b"[5]", b"[NaN]"), "nan has no literal; leave this input out"),
        ((b"[5]", b"[1" + b"0" * 100_000 + b"]"), "an int of 100001 digits, more than 100000: leave it out"),
        ((b'"a"', b"9" * 600), "9" * 600),
        ((b'"a"', b"9" * 5000), "id is int too long to be shown: it must be text, or an int of up to 600 digits"),
        ((b'"a"', b"7.5"), "id is 7.5: it must be text, or an int"),
        ((b'"a"', b"true"), "id is True: it must be text, or an int"),
        ((b'"a"', b'"a", "id": "b"'), "id appears twice in one object: keep one"),
        ((b'"a"', b'"a'), "no JSON ("),
        ((b'"a"', b'"\xff"'), "no UTF-8 (invalid start byte): save the file as UTF-8"),
        ((b"[5]", b"[" * 100_000), "nested too deeply: leave such an input out"),
        ((b"[5]", b"[" * 700 + b"]" * 700), "nested too deeply: leave this input out"),
    ],
    ids=[
        "int",
        "text",
        "huge",
        "largest",
        "nan",
        "longer",
        "largest-id",
        "longer-id",
        "float",
        "bool",
        "twice",
        "cut",
        "bytes",
        "deep",
        "nested",
    ],
)
def test_one_way_of_writing_whoever_reads_it(change: tuple[bytes, bytes], says: Any, tmp_path: Path) -> None:
    """Ids, ints of any length and what is wrong with a line: pools, jobs and own problems say the same of each."""
    path = tmp_path / "all.jsonl"
    row = (HERE / "01-bom" / "pool_bom.jsonl").read_bytes().splitlines()[0].replace(*change)
    path.write_bytes(row.replace(b'"inputs"', b'"statement": "Add one.", "inputs"'))
    readers: list[Callable[[], Any]] = [
        lambda: [line.problem for line in read_pool(path)],
        lambda: list(JobFile(path)),
        lambda: list(Jsonl(str(path), strict=True, prefix="")()),
    ]
    for read in readers:
        if isinstance(says, tuple):
            assert arguments(read()[0].inputs[2]) == says
        elif says.isdigit():
            assert read()[0].id == says
        else:
            with pytest.raises(ValueError, match=rf"all\.jsonl, line 1: .*{re.escape(says)}"):
                read()


@given(st.recursive(st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | st.none(),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))  # fmt: skip
def test_a_call_is_written_as_python_writes_it(value: Any) -> None:
    for values in ([], [value], [value, value]):
        assert call_literal(values) == repr(tuple(values))
