"""Figures worked by hand, and the tables that show them."""

import io
from typing import Any

import pytest
from rich.console import Console

from conself.records import PreferencePair, Uncertainty
from conself.results import benchmark_figures, flat, metric_figures, pair_figures, show


def test_metric_figures_leave_out_undefined_and_unjudged_problems() -> None:
    values = {"a": 0.1, "b": 0.9, "c": None, "d": 0.5, "e": 0.3}
    rows = [Uncertainty(k, "m", v, None if v is not None else "why") for k, v in values.items()]
    passed = {"a": [True, True], "b": [False, False], "c": [True, True], "d": [True, False]}
    figures = metric_figures(rows, passed)
    assert figures["n"] == 3
    assert figures["auc"] == 1.0  # a and d, both solvable, lie below b
    # pass rates 1, 0, .5 against .1, .9, .5 lie on a line that falls: r = -1
    assert figures["pearson"][0] == pytest.approx(-1)


def test_pair_figures() -> None:
    pairs = [PreferencePair(p, "q", "y", "n", 0, loser, 0.5, 0.1) for p, loser in [("a", 1), ("a", 2), ("b", 1)]]
    figures = pair_figures(pairs, {"a": [True, False, True], "b": [False, False]})
    assert figures == {"pairs": 3, "golden_rate": 1 / 3, "winner_accuracy": 0.5}
    assert pair_figures(pairs, {}) == {"pairs": 3, "golden_rate": None, "winner_accuracy": None}


def test_benchmark_figures_pair_problems_by_id() -> None:
    base = {"a": True, "b": False, "c": False, "d": True}
    tuned = {"d": False, "c": True, "b": True, "a": True}
    figures = benchmark_figures(base, tuned)
    assert (figures["base"]["pass@1"], figures["tuned"]["pass@1"]) == (0.5, 0.75)
    assert figures["relative_improvement"] == pytest.approx(0.5)
    assert (figures["fixed"], figures["broken"]) == (2, 1)
    assert figures["p"] == pytest.approx(1.0)  # 2 of 3: two-sided exact binomial


def test_a_base_that_solves_nothing_has_no_relative_improvement() -> None:
    assert benchmark_figures({"a": False}, {"a": True})["relative_improvement"] is None


def test_flat_names() -> None:
    nested = {"metrics": {"nll": {"auc": 0.8, "pearson": (-0.5, 0.01), "spearman": None}}, "tau": 0.3, "x": "text"}
    assert flat(nested) == {
        "metrics/nll/auc": 0.8,
        "metrics/nll/pearson": -0.5,
        "metrics/nll/pearson_p": 0.01,
        "tau": 0.3,
    }


def test_tables_show_what_is_known_and_a_dash_for_what_is_not() -> None:
    results: dict[str, Any] = {
        "problems": {"total": 10, "eligible": 9, "kept": 4, "dropped": {"unanimous (H = 0)": 6}},
        "entropy_range": [0.0, 2.5],
        "tau": 0.6,
        "pairs": 11,
        "golden_rate": None,
        "winner_accuracy": 0.25,
        "training": {"steps": 3},
        "metrics": {"nll": {"n": 9, "auc": None, "pearson": (-0.25, 0.1), "spearman": None, "kendall": None}},
        "benchmarks": {
            "minipy": benchmark_figures({"a": True, "b": False}, {"a": True, "b": True}),
        },
        "seconds": {"sample": 3.0, "fit": 1.0},
    }
    out = io.StringIO()
    show(Console(file=out, width=200), results)
    text = out.getvalue()
    for shown in ("unanimous (H = 0)", "25.0%", "-0.250", "+100.0%", "75%", "4 (tau 0.6)", "from 0.000 to 2.500"):
        assert shown in text
