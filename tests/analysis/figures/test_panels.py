"""Figures of the paper's own setting: several models and more benchmarks than a line of panels holds."""

import json
import warnings
from pathlib import Path
from xml.etree import ElementTree

import pytest

from analysis.figures.all import all_figures
from analysis.figures.figure import GREY, Figure, styled
from analysis.figures.methods import methods
from analysis.figures.training import normalised
from analysis.pools import pools_of
from analysis.runs import read_runs
from conself.records import Verdict
from conself.store.tables import write_verdicts
from tests.analysis.run_folders import write_run

BENCHMARKS = ("humaneval", "mbpp", "humaneval_plus", "mbpp_plus", "livecodebench")
TAUS = {"codellama_7b": 0.3, "qwen2_5_coder_7b": 0.55}
SVG = "{http://www.w3.org/2000/svg}"
ENTRY = {name: {"base": {"pass@1": 0.5}, "tuned": {"pass@1": 0.75}} for name in BENCHMARKS}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    """ConSelf, and w/o CW in two rounds, on two models, each with a tau of its own, on five benchmarks."""
    root = tmp_path_factory.mktemp("models")
    for model, tau in TAUS.items():
        config = {"tau": tau, "model": {"name": f"x/{model}"}}
        extra = {"benchmarks": ENTRY, "artifacts": {"execute": model}}
        write_run(root / f"{model}-conself", config=config, extra=extra)
        rounds = [{"golden_rate": 0.5, "benchmarks": ENTRY}] * 2
        write_run(root / f"{model}-wo_cw", "wo_cw", config=config, extra={"benchmarks": ENTRY, "rounds": rounds})
    return draw(root, tmp_path_factory.mktemp("out"))


def draw(root: Path, out: Path) -> dict[str, Figure]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns where a panel has no room, or a font no letter
        return {figure.name: figure for figure in all_figures(read_runs(root), out)}


def draw_methods(root: Path, out: Path) -> Figure:
    """One figure only, which spares the time of all others."""
    out.mkdir()
    with styled():
        return methods(read_runs(root), out)


def texts(figure: Figure) -> list[str]:
    assert figure.svg is not None, figure.left_out
    return [text for node in ElementTree.parse(figure.svg).iter() if (text := (node.text or "").strip())]


def test_no_benchmark_is_left_out(drawn: dict[str, Figure]) -> None:
    for name in ("methods", "rounds"):
        assert [text for text in texts(drawn[name]) if text in BENCHMARKS] == list(BENCHMARKS), name
    rows = [f"{method} model={model}" for model in TAUS for method in ("wo_cw", "conself")]
    assert sorted(text for text in texts(drawn["methods"]) if " model=" in text) == sorted(rows * 2)  # two lines


def test_each_row_has_its_own_base_model(tmp_path: Path) -> None:
    """The figure changes with the base of one row alone, which is said once below all panels."""
    for model in TAUS:
        write_run(tmp_path / "runs" / model, config={"model": {"name": f"x/{model}"}})
    both = draw_methods(tmp_path / "runs", tmp_path / "alike")
    path = tmp_path / "runs" / "codellama_7b" / "results.json"
    results = json.loads(path.read_text())
    results["benchmarks"]["minipy"]["base"]["pass@1"] = 0.7
    path.write_text(json.dumps(results))
    apart = draw_methods(tmp_path / "runs", tmp_path / "apart")
    assert texts(both).count("base model") == texts(apart).count("base model") == 1
    assert [len(set(rings(figure))) for figure in (both, apart)] == [1, 2]
    assert [len(rings(figure)) for figure in (both, apart)] == [2, 2]


def rings(figure: Figure) -> list[str]:
    """Where the base models' markers lie: all that is drawn in grey without a filling inside the panels."""
    assert figure.svg is not None
    root = ElementTree.parse(figure.svg).getroot()
    axes = [node for node in root.iter(SVG + "g") if node.get("id", "").startswith("axes_")]
    used = [node for axis in axes for node in axis.iter(SVG + "use")]
    return [node.get("x", "") for node in used if f"stroke: {GREY.lower()}" in node.get("style", "")]


def test_training_of_each_model_has_panels_of_its_own(drawn: dict[str, Figure]) -> None:
    found = texts(drawn["training_curves"])
    for curve in ("loss", "reward margin", "winner ahead of loser"):
        assert [text for text in found if text.startswith(curve)] == [f"{curve}, {model}" for model in TAUS]
    assert [text for text in found if text in ("conself", "wo_cw")] == ["wo_cw", "conself"]  # one legend
    assert "Of a run of several rounds these are the steps of the last one." in drawn["training_curves"].notes


def test_a_histogram_shows_the_tau_of_its_own_runs(drawn: dict[str, Figure]) -> None:
    found = texts(drawn["uncertainty_histogram"])
    assert [text for text in found if text.startswith("tau")] == ["tau = 0.3", "tau = 0.55"]


def test_uncertainty_is_normalised_over_problems_without_an_oracle_too(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "0")
    solvable, unsolvable = normalised(pools_of(read_runs(tmp_path)))
    assert solvable == pytest.approx([0.0, 0.405639, 0.5], abs=1e-4)
    assert unsolvable == pytest.approx([0.75, 1.0], abs=1e-4)
    known = [Verdict(name, "", (True,)) for name in ("p1", "p2")]  # neither the lowest nor the highest
    write_verdicts(folder / "artifacts" / "verify" / "verdicts.jsonl", known)
    assert normalised(pools_of(read_runs(tmp_path))) == (solvable[1:], [])


def test_long_labels_leave_room_for_the_panels(tmp_path: Path) -> None:
    long = "a/very/long/path " * 9
    for number in range(2):
        config = {"dataset": {"path": f"{long}{number}{long}"}, "tau": 0.3}
        write_run(tmp_path / "runs" / str(number), config=config, words=[f"dataset.path={long}{number}{long}"])
    for figure in draw(tmp_path / "runs", tmp_path / "out").values():
        assert max(map(len, texts(figure) if figure.svg else [""])) < 80, figure.name
