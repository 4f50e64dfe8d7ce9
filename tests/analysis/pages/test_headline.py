"""The report's opening figures against values worked by hand."""

import json
from pathlib import Path

import pytest

from analysis.pages.headline import cards, changes, metric_spreads
from analysis.runs import read_runs
from analysis.spread import Spread
from conself.store.tables import write_json
from tests.analysis.report_runs import make_run, make_sweep


def test_each_method_has_its_means_over_seeds_on_one_scale(tmp_path: Path) -> None:
    found = {change.label: change for change in changes(read_runs(make_sweep(tmp_path, 3)))}
    conself, self_dpo = found["conself"], found["self_dpo"]
    assert conself.base == pytest.approx(0.4)  # the same model and problems: one evaluation, no spread
    assert conself.tuned.mean == pytest.approx(0.515)  # 0.51 and 0.52
    assert self_dpo.tuned.mean == pytest.approx(0.365)  # 0.36 and 0.37
    assert (conself.direction, self_dpo.direction) == ("up", "down")
    assert conself.relative is not None
    assert conself.relative.mean == pytest.approx(0.2875)  # 0.515 / 0.4 - 1
    # the scale runs from 0.36 (12 %) to 0.52 (88 %): 0.4 lies a quarter along
    assert conself.at[0] == self_dpo.at[0] == pytest.approx(12 + 76 / 4)
    assert self_dpo.at[2] == pytest.approx((12.0, 12 + 76 / 16))


def test_a_pool_that_runs_share_counts_once(tmp_path: Path) -> None:
    found = metric_spreads(read_runs(make_sweep(tmp_path, 3)), "auc")
    assert {name: (each.mean, each.n) for name, each in found.items()} == {
        "entropy": (pytest.approx(0.8), 2),  # two pools, four runs
        "nll": (pytest.approx(0.6), 2),
    }


def test_the_cards_name_the_largest_figures(tmp_path: Path) -> None:
    runs = read_runs(make_sweep(tmp_path, 3))
    assert [card.figure for card in cards(runs, changes(runs))] == ["4", "+28.7%", "0.800", "50%"]


def test_a_base_that_differs_between_seeds_has_a_spread(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, 3)
    path = sweep / "0" / "results.json"  # of conself's seed 1
    figures = json.loads(path.read_text())
    figures["benchmarks"]["minipy"]["base"]["pass@1"] = 0.5
    path.write_text(json.dumps(figures))
    found = {change.label: change.base for change in changes(read_runs(sweep))}
    assert found["conself"] == Spread(pytest.approx(0.45), pytest.approx(0.5**0.5 / 10), 2)
    assert found["self_dpo"] == pytest.approx(0.4)


def test_the_golden_rate_is_that_of_the_best_improvement(tmp_path: Path) -> None:
    for job, (method, tuned, golden) in enumerate((("conself", 0.5, 0.4), ("wo_cw", 0.39, 0.9), ("wo_cc", 0.45, 0.4))):
        make_run(tmp_path / str(job), {}, method, 1, tuned)
        path = tmp_path / str(job) / "results.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"golden_rate": golden}))
    runs = read_runs(tmp_path)
    card = cards(runs, changes(runs))[-1]
    assert (card.heading, card.figure, card.what) == ("Golden pairs", "40%", "winner right and loser wrong, conself")


def test_pools_of_two_models_are_no_seeds_of_one_another(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, 3)
    for job in ("0", "1"):  # those of seed 1
        config = json.loads((sweep / job / "config.yaml").read_text())
        write_json(sweep / job / "config.yaml", config | {"model": {"name": "other"}})
    found = metric_spreads(read_runs(sweep), "auc")
    assert sorted(found) == ["entropy (other)", "entropy (tiny)", "nll (other)", "nll (tiny)"]
    assert {each.n for each in found.values()} == {1}


def test_the_pairs_of_all_rounds_are_counted(tmp_path: Path) -> None:
    make_run(tmp_path / "0", {}, "conself", 1, 0.5)
    path = tmp_path / "0" / "results.json"
    figures = json.loads(path.read_text())
    rounds = [{"pairs": 30, "golden_rate": 0.9}, {"pairs": 10, "golden_rate": 0.5}]
    path.write_text(json.dumps(figures | rounds[1] | {"rounds": rounds}))
    (change,) = changes(read_runs(tmp_path))
    assert (change.pairs, change.golden) == (40, Spread(pytest.approx(0.8), None, 1))


def test_a_run_without_figures_has_a_card_all_the_same(tmp_path: Path) -> None:
    make_run(tmp_path / "0", {}, "conself", 1, 0.5)
    (tmp_path / "0" / "results.json").write_text('{"method": "conself"}')
    runs = read_runs(tmp_path)
    assert changes(runs) == []
    assert [card.heading for card in cards(runs, [])] == ["Runs"]
