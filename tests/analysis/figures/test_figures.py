import shutil
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.figures.all import FIGURES, Figure, all_figures
from analysis.pools import pools_of
from analysis.roc import roc, scored
from analysis.runs import read_runs
from conself.statistics.prediction import auc
from tests.analysis.run_folders import write_run, write_steps

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ConSelf over three taus and two seeds, w/o CC, and a run of two rounds, which has steps of rollouts as well."""
    root = tmp_path_factory.mktemp("sweep")
    for seed in (0, 1):
        for tau, tuned in ((0.3, "1110"), (0.6, "1111"), (1.0, "1100")):
            write_run(root / f"{tau}-{seed}", seed=seed, tuned=tuned, config={"tau": tau}, words=[f"tau={tau}"])
        curve = [
            {"threshold": 0.9, "coverage": 0.5, "accuracy": 1.0},
            {"threshold": 0.1, "coverage": 1, "accuracy": 0.5},
        ]
        sure = {"confidence": {"fitted_on": ["elsewhere"], "abstention": curve}}
        write_run(root / f"cc{seed}", "wo_cc", seed, tuned="0100", extra=sure)
    entry = {"minipy": {"base": {"pass@1": 0.5}, "tuned": {"pass@1": 0.75}}}
    rounds = [{"pairs": 3, "golden_rate": 0.5, "benchmarks": entry}] * 2
    write_run(root / "rounds", "wo_cw", pool=False, extra={"rounds": rounds})
    write_steps(root / "rounds", [{"step": 0.0, "reward": 0.5}, {"step": 1.0, "reward": 0.75}])
    return root


@pytest.fixture(scope="module")
def drawn(sweep: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Figure]:
    found = all_figures(read_runs(sweep), tmp_path_factory.mktemp("out"))
    return {figure.name: figure for figure in found}


def texts(figure: Figure) -> str:
    assert figure.svg is not None
    return " ".join(text for node in ElementTree.parse(figure.svg).iter() if (text := node.text))


def test_every_figure_is_drawn_as_png_and_svg(drawn: dict[str, Figure]) -> None:
    assert len(drawn) == len(FIGURES)
    for name, figure in drawn.items():
        assert figure.left_out == "", name
        assert figure.png is not None
        assert figure.png.read_bytes().startswith(PNG)
        assert figure.png.name == f"{name}.png"


def test_text_stays_text(drawn: dict[str, Figure]) -> None:
    assert "code_semantic_entropy  1.000 [1.000, 1.000]" in texts(drawn["figure6_roc"])
    assert "nll  0.889" in texts(drawn["figure6_roc"])
    assert "paper's best: tau 0.3, +2.73%" in texts(drawn["figure7a_tau"])
    assert "46,734" in texts(drawn["figure5_sizes"])
    assert "wo_cc" in texts(drawn["methods"])
    assert "problems answered" in texts(drawn["abstention"])
    assert drawn["abstention"].notes == ("Fitted on verdicts of elsewhere.",)
    assert "golden rate, paper (about)" in texts(drawn["figure7b_golden"])


def test_the_same_numbers_give_the_same_files(sweep: Path, drawn: dict[str, Figure], tmp_path: Path) -> None:
    mpl.rcParams["lines.linewidth"] = 17  # what others set is none of ours
    try:
        again = {figure.name: figure for figure in all_figures(read_runs(sweep), tmp_path)}
        assert mpl.rcParams["lines.linewidth"] == 17
    finally:
        mpl.rcdefaults()
    for name, figure in drawn.items():
        for one, other in ((figure.png, again[name].png), (figure.svg, again[name].svg)):
            assert one is not None
            assert other is not None
            assert one.read_bytes() == other.read_bytes(), one.name


def test_what_cannot_be_drawn_says_why(tmp_path: Path) -> None:
    write_run(tmp_path / "0", pool=False)
    shutil.rmtree(tmp_path / "0" / "artifacts")
    left_out = {figure.name: figure.left_out for figure in all_figures(read_runs(tmp_path), tmp_path / "out")}
    assert {name for name, reason in left_out.items() if not reason} == {"methods", "figure5_sizes"}
    assert "sweep" in left_out["figure7a_tau"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "figure5_sizes.png",
        "figure5_sizes.svg",
        "methods.png",
        "methods.svg",
    ]


def test_a_scored_pool_alone_crashes_nothing(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text('{"metrics": {"nll": {"n": 0, "auc": null}}}')
    assert all(figure.left_out for figure in all_figures(read_runs(tmp_path), tmp_path / "out"))


def test_a_driver_that_is_reported_under_its_own_name_has_its_curve(tmp_path: Path) -> None:
    write_run(tmp_path, extra={"driver": "unseen_mass"})
    (pool,) = pools_of(read_runs(tmp_path))
    assert len(scored(pool, "unseen_mass")) > 3
    assert scored(pool, "unseen_mass") == scored(pool, "driver") == scored(pool, "code_semantic_entropy")
    assert scored(pool, "von_neumann_entropy") == {}


def test_auc_of_ties_and_its_curve() -> None:
    # against both unsolvable ones: a (1) beats b (1) by half and d (3); c (2) loses to b and beats d: 2.5 of 4
    found = roc([{"a": (1.0, True), "b": (1.0, False), "c": (2.0, True), "d": (3.0, False)}])
    assert found is not None
    assert found.auc == pytest.approx(2.5 / 4)
    assert found.rates[0] == 0.0
    assert found.rates[250] == pytest.approx(0.25)  # halfway up the tie, which ends at (.5, .5)
    assert found.rates[-1] == 1.0
    assert found.low <= found.auc <= found.high


def test_seeds_are_averaged_and_pools_of_one_class_left_out() -> None:
    right, wrong = {"a": (0.0, True), "b": (1.0, False)}, {"a": (1.0, True), "b": (0.0, False)}
    found = roc([right, wrong, {"a": (0.0, True)}])
    assert found is not None
    assert found.auc == 0.5
    assert roc([{"a": (0.0, True)}]) is None


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=30))
def test_auc_is_that_of_the_results(rows: list[tuple[int, bool]]) -> None:
    pool = {str(i): (float(value), solvable) for i, (value, solvable) in enumerate(rows)}
    found, expected = roc([pool]), auc([value for value, _ in rows], [solvable for _, solvable in rows])
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found.auc == pytest.approx(expected)
        assert np.trapezoid(found.rates, np.linspace(0, 1, len(found.rates))) == pytest.approx(expected, abs=0.01)
