"""The examples of the pages run, and print what the pages say."""

import contextlib
import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

from conself import score
from conself.datasets.dataset import Dataset
from conself.datasets.validation import sift
from conself.losses.output import LogProbs, Loss, Signal
from conself.runtime.parts import build
from tests.documentation.reading import ROOT, blocks, path_of

README = path_of("README").read_text()


def test_the_readme_is_a_page() -> None:
    assert len(README.encode()) <= 8192


def test_the_figures_of_the_readme_are_those_of_their_experiment() -> None:
    figure = README.split("## One figure\n")[1].split("\n## ")[0]
    table = (ROOT / "experiments" / "table1_methods" / "README.md").read_text()
    named = re.findall(r"\.\d{3}", figure)
    assert len(named) == 7
    assert [number for number in named if number not in table] == []
    assert all(row in table for row in ("commit b55b706", "2026-11-21", "2 cores"))


def test_the_example_of_the_sandbox_prints_what_is_shown() -> None:
    (code,), (shown,) = blocks("sandbox", "python"), blocks("sandbox", "text")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "docs/sandbox.md", "exec"), {})
    assert printed.getvalue() == shown


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pool of docs/scoring-pools.md is scored, with the metric of docs/extending.md, as these pages say."""
    folder = tmp_path_factory.mktemp("scored")
    (folder / "distinct.py").write_text(blocks("extending", "python")[0])
    (folder / "parts" / "metric").mkdir(parents=True)
    (folder / "parts" / "metric" / "distinct_texts.yaml").write_text(blocks("extending", "yaml")[0])
    (folder / "pool.jsonl").write_text(blocks("scoring-pools", "json")[0])
    _, command, *words = shlex.split(blocks("extending", "")[0])
    assert command == "score"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        patch.setattr("sys.argv", ["conself.score", *words, "out=scores", "hydra.run.dir=run"])
        score.main()
    return folder / "scores"


def rows(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_scored_pool_gives_the_lines_that_are_shown(scored: Path) -> None:
    _, outcomes, first = blocks("scoring-pools", "json")
    assert rows((scored / "outcomes.jsonl").read_text()) == rows(outcomes)
    line = rows((scored / "uncertainty.jsonl").read_text())[0]
    (shown,) = rows(first)
    assert {key: line[key] for key in shown} == shown
    assert line["R"][0] == pytest.approx((3 / 3 + 2 / 3) / 2)


def test_the_readmes_pool_is_the_first_line_of_it(scored: Path) -> None:
    (shown,) = rows(blocks("README", "json")[0])
    assert shown == rows(blocks("scoring-pools", "json")[0])[0]
    (clusters,) = re.findall(r"its clusters, `(.*?)`", README)
    assert json.loads(clusters) == rows((scored / "uncertainty.jsonl").read_text())[0]["clusters"]


def test_a_metric_of_ones_own_is_two_files(scored: Path) -> None:
    values = [row["metrics"]["distinct_texts"] for row in rows((scored / "uncertainty.jsonl").read_text())]
    assert values == [1.0, 1.0]


@pytest.fixture
def own_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DictConfig:
    """A training with the loss and the data set of docs/extending.md, each of which is two files."""
    _, *codes = blocks("extending", "python")
    _, *settings = blocks("extending", "yaml")
    for group, name, code, text in zip(("loss", "dataset"), ("ipo", "powers"), codes, settings, strict=True):
        (tmp_path / f"{name}.py").write_text(code)
        (tmp_path / "parts" / group).mkdir(parents=True)
        (tmp_path / "parts" / group / f"{name}.yaml").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    words = [word for command in blocks("extending", "")[1:] for word in shlex.split(command)[4:]]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("train", [*words, f"hydra.searchpath=[file://{tmp_path / 'parts'}]"])


def test_a_loss_of_ones_own_is_two_files(own_parts: DictConfig) -> None:
    loss = build(own_parts.loss, Loss)
    policy = LogProbs(torch.tensor([-0.5, -0.5, -3.0]), (2, 1))
    reference = LogProbs(torch.tensor([-1.0, -1.0, -2.0]), (2, 1))
    signal = Signal(torch.tensor([[0, 1]]), torch.zeros(1, 2, dtype=torch.float64), None)
    # h = (-1 + 3) - (-2 + 2) = 2; (2 - 1 / .2)^2 = 9
    assert loss(policy, reference, signal).losses.tolist() == pytest.approx([9.0])


def test_a_data_set_of_ones_own_is_two_files(own_parts: DictConfig) -> None:
    dataset = build(own_parts.dataset, Dataset)
    problems, rejected = sift(dataset())
    assert [problem.id for problem in problems] == [f"power {n}" for n in range(2, 10)]
    assert not rejected
    assert next(iter(dataset.statements())) == "Return x to the power of 2."
