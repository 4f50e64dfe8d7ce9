"""What a job is given as policy, where its settings come from, and a user's own pipeline: that of docs/pipelines.md."""

import json
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from conself import train
from conself.pipelines.pipeline import Job
from conself.records import ModelRef
from tests.datasets.writing import write_lines

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs" / "pipelines.md").read_text()
NAIVE = "metrics.naive_semantic_entropy.grouping"


def job(folder: Path, *words: str) -> Job:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return Job(compose("train", list(words)), folder, in_sweep=False)


def model_of(config: DictConfig, where: str) -> ModelRef:
    model: ModelRef = instantiate(OmegaConf.select(config, where))
    return model


def test_a_part_that_takes_the_policy_gets_the_new_one_and_a_part_with_a_model_of_its_own_keeps_it(
    tmp_path: Path,
) -> None:
    """Even where its own is the very model that the policy starts from."""
    own = [f"texts/encoder@{NAIVE}.encoder=hub", "metric=naive_semantic_entropy"]
    first = model_of(job(tmp_path).config, "model")
    keys = {"name": first.name, "revision": "null", "dtype": first.dtype, "attention": first.attention}
    first_job = job(tmp_path, *own, *(f"{NAIVE}.encoder.model.{key}={value}" for key, value in keys.items()))
    assert model_of(first_job.config, f"{NAIVE}.encoder.model") == first, "they are equal at first"
    later = replace(first, name=str(tmp_path / "merged"))
    config = first_job.with_model(later).config
    assert model_of(config, "model") == later
    assert model_of(config, "metric.grouping.encoder.model") == later, "it says ${model}"
    assert model_of(config, f"{NAIVE}.encoder.model") == first, "it names a model"
    assert model_of(first_job.config, "model") == first, "the first job is what it was"


def test_a_part_that_is_a_reference_to_one_that_takes_the_policy_gets_the_new_one(tmp_path: Path) -> None:
    first_job = job(
        tmp_path, "+copies.whole=${metrics.naive_semantic_entropy.grouping}", "+copies.name=x/${model.name}"
    )
    later = replace(model_of(first_job.config, "model"), name="elsewhere")
    config = first_job.with_model(later).config
    assert model_of(config, "copies.whole.encoder.model") == later
    assert config.copies.name == "x/elsewhere"


def test_nothing_but_the_policy_changes_with_it(tmp_path: Path) -> None:
    first_job = job(tmp_path, "tau=0.25", "texts/encoder@metrics.naive_semantic_entropy.grouping.encoder=hub")
    same = first_job.with_model(model_of(first_job.config, "model"))
    assert same.config == first_job.config
    later = first_job.with_model(replace(model_of(first_job.config, "model"), name="elsewhere")).config
    assert {key for key, value in later.items() if value != first_job.config[key]} == {"model"}


def block(language: str) -> str:
    """The one code block of a language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)
    (text,) = [text for name, text in blocks if name == language]
    return str(text)


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Those that start the example on one problem, whose answers are in a file: the right one twice, and another."""
    (tmp_path / "measure_only.py").write_text(block("python"))
    (tmp_path / "parts" / "pipeline").mkdir(parents=True)
    (tmp_path / "parts" / "pipeline" / "measure_only.yaml").write_text(block("yaml"))
    problem = {
        "id": "a",
        "statement": "Add one.",
        "starter_code": "def f(n):",
        "entry_point": "f",
        "inputs": [[1], [2]],
    }
    write_lines(tmp_path / "problems.jsonl", [problem])
    codes = ("def f(n): return n + 1", "def f(n): return 1 + n", "def f(n): return 2 * n", "def f(n): return n + 2")
    write_lines(tmp_path / "answers.jsonl", [{"task_id": "a", "solution": code} for code in codes])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    _, command, *given = shlex.split(block(""))
    assert command == "train"
    given += ["dataset=jsonl", "dataset.path=problems.jsonl", "sampler=recorded", "sampler.path=answers.jsonl"]
    return [*given, "benchmark=[none]", "~metrics.naive_semantic_entropy", "executor.workers=1", "hydra.run.dir=run"]


@pytest.mark.e2e
def test_the_pipeline_of_the_documentation_stops_after_the_metrics(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["conself.train", *words])
    train.main()
    found: dict[str, Any] = json.loads(Path("run/results.json").read_text())
    assert {"sample", "execute", "agree", "score/driver", "score/code_semantic_entropy"} <= set(found["artifacts"])
    assert not {"select", "pair", "fit"} & set(found["artifacts"])
    assert found["driver"] == "code_semantic_entropy"
    assert found["artifacts"]["score/driver"] == found["artifacts"]["score/code_semantic_entropy"]
    assert found["seconds"]["score/code_semantic_entropy"] == 0, "worked out once"
    shown = capsys.readouterr().out
    assert shown.startswith("seed 0: set in a YAML\n")
    assert "crash_rate: defined on 0 problems" in shown, "no oracle is known, so that nothing can be compared"


def test_it_refuses_what_it_cannot_do_before_any_work(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["conself.train", *words, "rounds=2"])
    with pytest.raises(SystemExit):
        train.main()
    assert "error: nothing is trained, so there is one round, got rounds=2" in capsys.readouterr().out
    assert not Path("artifacts").exists()


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("given", "line"),
    [
        (["tau=1.5e-1"], "tau 0.15: command line"),
        (["recipe.tau=0.4"], "tau 0.4: command line (recipe.tau)"),
        ([], "tau 0.6: recipe of model=minipy"),
        (["size=smoke"], "tau 1.0: size=smoke"),
        (
            ["--config-dir", "parts", "experiment=[mine,self_dpo]", "curriculum=entropy_band"],
            "tau 0.35: experiment=mine",
        ),
        (["experiment=self_sft"], ""),
    ],
)
def test_tau_is_shown_with_where_it_comes_from(
    given: list[str], line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "parts" / "experiment").mkdir(parents=True)
    (tmp_path / "parts" / "experiment" / "mine.yaml").write_text("# @package _global_\ntau: 0.35\n")
    ended = ["sandbox.packages=[no_such_package]", "tracking=none", "hydra.run.dir=run"]  # refused after that line
    monkeypatch.setattr("sys.argv", ["conself.train", *given, *ended])
    with pytest.raises(SystemExit):
        train.main()
    first, *_ = capsys.readouterr().out.splitlines()
    assert first == line if line else not first.startswith("tau")
