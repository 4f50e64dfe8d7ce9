"""``python -m conself.evaluate``: what it shares with training, whom it compares, and what it refuses."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from rich.console import Console

from analysis.request import parse
from analysis.write_report import make_report
from conself.app.job import run as run_job
from conself.evaluate import chosen
from conself.records import Candidate
from conself.store.tables import read_records, read_verdicts
from tests.e2e.conftest import IN_TURN, ROOT, Job, run


def composed(*words: str) -> DictConfig:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("evaluate", ["tracking=none", *words])


def evaluated(store: Path, folder: Path, *words: str) -> dict[str, Any]:
    """The figures of one evaluation on 60 problems, run in this process to spare its start."""
    folder.mkdir()
    config = composed("benchmark.minipy.size=60", f"artifacts={store}", "executor.workers=1", IN_TURN, *words)
    run_job(chosen(config), folder, in_sweep=False)
    return dict(json.loads((folder / "results.json").read_text()))


def refused(capsys: pytest.CaptureFixture[str], store: Path, folder: Path, *words: str) -> str:
    """The one line that an evaluation ends with that can't be."""
    with pytest.raises(SystemExit) as ended:
        evaluated(store, folder, *words)
    assert ended.value.code == 2
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("error:")]
    return line


def test_from_the_command_line_it_reuses_the_training_runs_evaluation(whole: Job, store: Path, tmp_path: Path) -> None:
    words = ["benchmark=minipy", "benchmark.minipy.size=60", f"artifacts={store}", f"hydra.run.dir={tmp_path / 'run'}"]
    status, output = run([sys.executable, "-m", "conself.evaluate", *words, IN_TURN, "tracking=csv"])
    assert status == 0, output
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results["artifacts"]["evaluate/minipy/base"] == whole.results["artifacts"]["evaluate/minipy/base"]
    assert results["benchmarks"]["minipy"] == whole.results["benchmarks"]["minipy"]["base"]
    rows = [json.loads(line) for line in (tmp_path / "run" / "verdicts.jsonl").read_text().splitlines()]
    assert [set(row) for row in rows] == [{"benchmark", "id", "difficulty", "passed"}] * 60
    passed = sum(row["passed"][0] for row in rows)
    assert passed / 60 == results["benchmarks"]["minipy"]["pass@1"]
    assert f"{passed / 60:.3f}" in output
    assert "benchmarks/minipy/pass@1" in (tmp_path / "run" / "csv" / "summary.csv").read_text()


def test_an_adapter_against_its_base_is_the_training_runs_comparison(whole: Job, store: Path, tmp_path: Path) -> None:
    adapter = store / "fit" / whole.results["artifacts"]["fit"] / "adapter"
    base = whole.folder / "artifacts" / "evaluate" / "minipy" / "base"
    row = evaluated(store, tmp_path / "a", f"adapter={adapter}", f"versus={base}")["benchmarks"]["minipy"]
    theirs = whole.results["benchmarks"]["minipy"]
    assert {key: row[key] for key in theirs["tuned"]} == theirs["tuned"]
    assert {key: row["versus"][key] for key in theirs["base"]} == theirs["base"]
    for key in ("fixed", "broken", "p", "difference", "relative_improvement"):
        assert row["versus"][key] == theirs[key]
    report = make_report(parse([f"runs={tmp_path / 'a'}", f"out={tmp_path / 'report'}"]), Console(quiet=True))
    (index,) = report.parent.glob("answers/*/index.html")
    assert f"{theirs['fixed']} fixed, {theirs['broken']} broken, " in index.read_text()
    assert len(list(index.parent.iterdir())) == 1 + 60, "a page per problem"
    # a training's run folder stands for its tuned model
    again = evaluated(store, tmp_path / "b", f"model.adapter={adapter}", f"versus={whole.folder}")
    versus = again["benchmarks"]["minipy"]["versus"]
    assert (versus["fixed"], versus["broken"], versus["p"]) == (0, 0, 1.0)


def test_completions_made_elsewhere_get_the_same_verdicts(whole: Job, store: Path, tmp_path: Path) -> None:
    artifact = store / "evaluate" / whole.results["artifacts"]["evaluate/minipy/tuned"]
    answers = read_records(artifact, Candidate, "answers")
    lines = [json.dumps({"task_id": a.problem_id, "solution": a.code or ""}) for a in answers]
    (tmp_path / "samples.jsonl").write_text("\n".join(reversed(lines)) + "\n")
    results = evaluated(store, tmp_path / "run", f"samples={tmp_path / 'samples.jsonl'}")
    assert results["model"] is None
    assert results["benchmarks"]["minipy"] == whole.results["benchmarks"]["minipy"]["tuned"]
    assert read_verdicts(tmp_path / "run" / "verdicts.jsonl") == read_verdicts(artifact / "verdicts.jsonl")
    # another content of the same file is another evaluation
    (tmp_path / "samples.jsonl").write_text(
        "\n".join(json.dumps({**json.loads(x), "solution": "x = 1"}) for x in lines)
    )
    wrong = evaluated(store, tmp_path / "again", f"samples={tmp_path / 'samples.jsonl'}")
    assert wrong["benchmarks"]["minipy"]["pass@1"] == 0.0
    assert wrong["losses"] == {}
    (tmp_path / "samples.jsonl").write_text(lines[0])
    for place in ("few", "reused"):
        few = evaluated(store, tmp_path / place, f"samples={tmp_path / 'samples.jsonl'}")
        assert few["losses"] == {"evaluate/minipy/base": {"unanswered": 59}}


def test_several_answers_give_unbiased_pass_at_k(store: Path, tmp_path: Path) -> None:
    words = ("decoder.n=4", "decoder.temperature=0.8", "k=[1,3]")
    row = evaluated(store, tmp_path / "run", "benchmark.minipy.size=12", *words)["benchmarks"]["minipy"]
    verdicts = read_verdicts(tmp_path / "run" / "verdicts.jsonl")
    assert [len(v.passed) for v in verdicts] == [4] * 12
    right = [sum(v.passed) for v in verdicts]
    assert row["pass@1"] == pytest.approx(sum(right) / 48)
    # three of four: C(4, 3) = 4 draws, of which all miss when none is right, one when one is, none else
    assert row["pass@k"]["3"]["value"] == pytest.approx(sum({0: 0, 1: 0.75}.get(c, 1) for c in right) / 12)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("k=[1,10]", ["pass@10 needs 10 answers", "decoder.n is 1", "set decoder.n=10 or more"]),
        ("k=[0]", ["k must be a list of ints from 1, such as k=[1,10], got [0]"]),
        ("decoder.n=2", ["decoder.n=2 greedy answers would all be the same"]),
        ("adapter=no/such/folder", ["'no/such/folder' has no adapter_config.json"]),
        ("versus=no/such/run", ["versus=no/such/run: there is no verdicts.jsonl"]),
        ("samples=no_such.jsonl", ["there are no samples at no_such.jsonl"]),
        ("~benchmark.minipy", ["there is nothing to evaluate on; name a benchmark"]),
    ],
)
def test_wrong_setting(
    override: str, words: list[str], store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, store, tmp_path / "run", override)
    for word in words:
        assert word in line


@pytest.mark.usefixtures("whole")
def test_another_models_verdicts_must_be_on_the_same_problems(
    whole: Job, store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = whole.folder / "artifacts" / "evaluate" / "minipy" / "base" / "verdicts.jsonl"
    lines = base.read_text().splitlines()
    other = tmp_path / "other.jsonl"
    other.write_text("\n".join([*lines[1:], lines[0].replace("minipy/test/000000", "minipy/test/x")]))
    line = refused(capsys, store, tmp_path / "run", f"versus={other}")
    assert "1 problem (minipy/test/x) only in the first, 1 problem (minipy/test/000000) only in the second" in line
    other.write_text(json.dumps({"benchmark": "mbpp", "id": "a", "difficulty": "", "passed": [True]}))
    assert "no verdicts on minipy" in refused(capsys, store, tmp_path / "again", f"versus={other}")


def test_benchmarks_are_one_or_a_list() -> None:
    assert list(composed("benchmark=mbpp").benchmark) == ["mbpp"]
    assert list(composed("benchmark=[humaneval,mbpp]").benchmark) == ["humaneval", "mbpp"]


def test_the_config_is_that_of_the_evaluation_alone() -> None:
    """A model's recipe is no setting of training here; a file of samples takes the place of model and decoder."""
    config = chosen(composed("model=minipy"))
    assert not {"training", "sampler", "tau", "beta", "recorded"} & set(config)
    assert config.decoder.max_new_tokens == 160, "the recipe's"
    assert config.decoder.n == 1
    assert config.decoder.temperature == 0
    judging = chosen(composed("samples=there.jsonl"))
    assert judging.model is None
    assert judging.decoder.path == "there.jsonl"


def test_an_adapter_is_not_ignored_where_samples_are_judged(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "s.jsonl").write_text('{"task_id": "minipy/test/000000", "solution": "x = 1"}')
    line = refused(capsys, store, tmp_path / "run", f"samples={tmp_path / 's.jsonl'}", "adapter=some/adapter")
    assert "leave out adapter, or samples" in line


def test_a_benchmark_that_is_not_there_names_its_own_key(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("benchmark=humaneval", "benchmark.humaneval.dataset.path=no/such/file")
    config = composed(*words, f"artifacts={store}")
    with pytest.raises(SystemExit):
        run_job(chosen(config), tmp_path, in_sweep=False)
    assert "set benchmark.humaneval.dataset.path to a local copy" in capsys.readouterr().out


def test_the_embedded_testers_tests_are_graded_by_references(tmp_path: Path) -> None:
    """Its claims are right a quarter of the time, so that few replies of three are: some, and never most."""
    words = ("pipeline=written_tests", "model=minipy_roles", "prompts/tester@writer.texts=minipy")
    found = evaluated(tmp_path / "store", tmp_path / "run", *words)["benchmarks"]["minipy"]["written_tests"]
    assert (found["problems"], found["n_replies"]) == (60, 60)
    assert 0 < found["accuracy"] < 0.5
    assert 0 <= found["mutation_score"] <= found["accuracy"]
    assert found["unparsable"] < 0.5
