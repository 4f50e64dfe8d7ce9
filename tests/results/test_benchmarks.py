"""Figures worked by hand, and the tables that show them."""

import io
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from rich.console import Console

from conself.records import Verdict
from conself.results.benchmarks import (
    Answered,
    benchmark_figures,
    benchmarks,
    paired_figures,
    pass_figures,
    voters_figures,
    with_voters,
)
from conself.results.show import show, show_evaluation
from conself.store.artifacts import Artifact
from conself.store.tables import write_verdicts


def verdicts(rows: dict[str, str], difficulty: dict[str, str] | None = None) -> list[Verdict]:
    """Problem id -> one letter per answer, r is right."""
    return [Verdict(i, (difficulty or {}).get(i, ""), tuple(x == "r" for x in row)) for i, row in rows.items()]


def test_benchmark_figures_pair_problems_by_id() -> None:
    base = verdicts({"a": "r", "b": "w", "c": "w", "d": "r"})
    tuned = verdicts({"d": "w", "c": "r", "b": "r", "a": "r"})
    figures = benchmark_figures(base, tuned)
    assert (figures["base"]["pass@1"], figures["tuned"]["pass@1"]) == (0.5, 0.75)
    assert figures["base"]["ci95"] == [0.0, 1.0]  # each end has 1/16 of all draws
    assert set(figures["base"]) == {"pass@1", "n", "ci95"}, "one answer each, one difficulty"
    assert figures["relative_improvement"] == pytest.approx(0.5)
    assert (figures["fixed"], figures["broken"]) == (2, 1)
    assert figures["difference"]["pass@1"] == pytest.approx(0.25)
    assert figures["p"] == pytest.approx(1.0)  # 2 of 3: two-sided exact binomial
    assert figures["test"] == "exact McNemar"


def test_several_answers_give_pass_at_k() -> None:
    found = verdicts({"a": "r" * 5 + "w" * 5, "b": "w" * 10})
    figures = pass_figures(found, None)
    assert figures["pass@1"] == pytest.approx(0.25)
    assert figures["pass@k"] == {"10": {"value": pytest.approx(0.5), "ci95": [0.0, 1.0]}}
    asked = pass_figures(found, [1, 2])["pass@k"]
    assert asked["2"]["value"] == pytest.approx((1 - 10 / 45) / 2)  # of 45 pairs, C(5, 2) = 10 miss
    with pytest.raises(ValueError, match=r"pass@20 needs 20 answers .*decoder\.n=20"):
        pass_figures(found, [20])


def test_difficulties_are_counted_apart() -> None:
    found = verdicts({"a": "r", "b": "w", "c": "r"}, {"a": "easy", "b": "hard", "c": "hard"})
    groups = pass_figures(found, None)["by_difficulty"]
    assert {name: (row["pass@1"], row["n"]) for name, row in groups.items()} == {"easy": (1.0, 1), "hard": (0.5, 2)}
    partly = pass_figures(verdicts({"a": "r", "b": "w"}, {"a": "easy"}), None)["by_difficulty"]
    assert set(partly) == {"easy", "not given"}


def test_a_base_that_solves_nothing_has_no_relative_improvement() -> None:
    assert paired_figures(verdicts({"a": "w"}), verdicts({"a": "r"}))["relative_improvement"] is None


def test_the_dates_of_the_problems_stand_in_the_result_of_a_training(tmp_path: Path) -> None:
    made: list[dict[str, Answered]] = []
    for who in ("base", "tuned"):
        (tmp_path / who).mkdir()
        write_verdicts(tmp_path / who / "verdicts.jsonl", verdicts({"a": "r", "b": "w"}))
        made.append({"lcb": Answered(Artifact("evaluate", who, tmp_path / who, reused=True))})
    dates = {"version": "release_v5", "start": "2024-10-01", "end": None}
    config = OmegaConf.create({"benchmark": {"lcb": {"dataset": {"path": "x", **dates}}}})
    assert benchmarks(config, *made)["lcb"]["window"] == dates
    undated = OmegaConf.create({"benchmark": {"lcb": {"split": "test"}}})
    assert "window" not in benchmarks(undated, *made)["lcb"]


def test_tables_show_what_is_known_and_a_dash_for_what_is_not() -> None:
    level = {"a": "own", "b": "long"}
    results: dict[str, Any] = {
        "problems": {"total": 10, "eligible": 9, "kept": 4, "dropped": {"unanimous (H = 0)": 6}},
        "entropy_range": [0.0, 2.5],
        "tau": 0.6,
        "pairs": 11,
        "golden_rate": None,
        "winner_accuracy": 0.25,
        "training": {"steps": 3, "n_overlong": 5},
        "metrics": {
            "nll": {"n": 9, "undefined": {}, "auc": None, "pearson": (-0.25, 0.1), "spearman": None, "kendall": None}
        },
        "benchmarks": {
            "minipy": benchmark_figures(verdicts({"a": "r", "b": "w"}, level), verdicts({"a": "r", "b": "r"}, level)),
        },
        "seconds": {"sample": 3.0, "fit": 1.0},
        "peak_memory": {},
    }
    out = io.StringIO()
    show(Console(file=out, width=200), results)
    text = out.getvalue()
    for shown in (
        "unanimous (H = 0)",
        "left out: above training.max_length",
        "25.0%",
        "-0.250",
        "+100.0%",
        "75%",
        "4 (tau 0.6)",
        "from 0.000 to 2.500",
        "long",
    ):
        assert shown in text, shown


def test_an_evaluation_shows_each_k_and_the_model_it_is_compared_with() -> None:
    this = verdicts({"a": "rrww", "b": "wwww"})
    alone = {
        "versus": None,
        "benchmarks": {"toy": pass_figures(this, [2])},
        "seconds": {"evaluate": 1.0},
        "peak_memory": {"evaluate": 2_340_000_000},
    }
    other = verdicts({"a": "w", "b": "r"})
    row = {**pass_figures(this, [2]), "versus": {**pass_figures(other, None), **paired_figures(other, this)}}
    against = {"versus": "runs/other", "benchmarks": {"toy": row}, "seconds": {"evaluate": 1.0}, "peak_memory": {}}
    for results, shown in (
        (alone, ("0.250 [0.000, 0.500]", "pass@2", "0.417", "2.3 GB")),
        (against, ("Against runs/other", "other model", "-50.0%", "1 / 1", "paired bootstrap", "pass@2")),
    ):
        out = io.StringIO()
        show_evaluation(Console(file=out, width=200), results)
        for text in shown:
            assert text in out.getvalue()


DRAWN, VOTED = {"a": "rrwr", "b": "wwwr", "c": "wwww"}, {"a": "r", "b": "w", "c": "w"}


def test_voters_by_hand() -> None:
    figures = voters_figures(verdicts(DRAWN), verdicts(VOTED), "consensus")
    assert figures["sampled"]["value"] == pytest.approx((0.75 + 0.25) / 3)
    assert figures["pass@k"] == {"4": {"value": pytest.approx(2 / 3), "ci95": [0.0, 1.0]}}
    assert figures["consensus@k"]["4"]["value"] == pytest.approx(1 / 3)
    other = voters_figures(verdicts(DRAWN), verdicts(VOTED), "largest_cluster")
    assert other == {**other, "largest_cluster@k": figures["consensus@k"]}
    assert "consensus@k" not in other


def test_voters_stand_beside_greedy_figures() -> None:
    own = {"pass@1": 0.3, "n": 3}
    both = with_voters(own, verdicts(DRAWN), verdicts(VOTED), "consensus")
    assert both == {**own, **voters_figures(verdicts(DRAWN), verdicts(VOTED), "consensus")}
    assert own == {"pass@1": 0.3, "n": 3}


def test_voters_and_rounds_are_shown() -> None:
    side = {"pass@1": 0.5, "n": 2, "ci95": [0.0, 1.0]}
    ceiling = {"consensus@k": {"15": {"value": 0.6125, "ci95": [0.5, 0.7]}}, "sampled": {"value": 0.25, "ci95": [0, 1]}}
    row = {
        "base": side | ceiling,
        "tuned": side | ceiling,
        **paired_figures(verdicts({"a": "w"}), verdicts({"a": "r"})),
    }
    one = {
        "problems": {"total": 10, "eligible": 9, "kept": 4, "dropped": {}},
        "entropy_range": [0.0, 2.5],
        "tau": None,
        "pairs": 11,
        "golden_rate": 0.5,
        "winner_accuracy": 0.25,
        "metrics": {},
        "seconds": {},
        "peak_memory": {},
        "training": {"steps": 3, "n_overlong": 0},
        "benchmarks": {"toy": row},
    }
    out = io.StringIO()
    show(Console(file=out, width=200), {**one, "rounds": [one, {**one, "pairs": 7}], "stopped": None})
    for shown in ("consensus@15", "0.613", "one sample", "0.250", "Rounds", "0.500 -> 0.500"):
        assert shown in out.getvalue(), shown
