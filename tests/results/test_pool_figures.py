"""What a judged pool says, by hand."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from conself.agreement.behaviour import Behaviour
from conself.agreement.traces import agreement_of
from conself.pairings.winner_and_losers import WinnerAndLosers
from conself.rankings.consensus import Consensus
from conself.rankings.likeliest import Likeliest
from conself.rankings.ranked import Ranking
from conself.records import Candidate, Pool, PreferencePair, Problem, Uncertainty
from conself.results.pool_figures import (
    TAUS,
    check_rankings,
    golden_by_tau,
    judged_pairs,
    metric_figures,
    pair_figures,
    selector_figures,
)


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
    pairs = [PreferencePair(p, "q", "y", "n", 0, loser, 0.5) for p, loser in [("a", 1), ("a", 2), ("b", 1)]]
    figures = pair_figures(pairs, {"a": [True, False, True], "b": [False, False]})
    assert figures == {"pairs": 3, "golden_rate": 1 / 3, "winner_accuracy": 0.5}
    assert pair_figures(pairs, {}) == {"pairs": 3, "golden_rate": None, "winner_accuracy": None}


def pool(name: str, width: int) -> Pool:
    drawn = [Candidate(name, k, None, f"{name} {k}", f"{k}", "stop", None, None, None, 1) for k in range(width)]
    return Pool(Problem(name, "", "", "f", ("()",), "", ""), drawn, [])


POOLS = [pool(name, 3) for name in "abcd"]
AGREED = {name: agreement_of([["x"], ["x"], ["y"]]) for name in "abcd"}
POOLS_AGREED = [(each, AGREED[each.problem.id]) for each in POOLS]
PARTS = Consensus(Behaviour(False, None)), WinnerAndLosers(3, True)
RANKINGS: dict[str, Ranking] = {"consensus": PARTS[0], "likeliest": Likeliest()}
PASSED: dict[str, Sequence[bool]] = {"a": [True, True, False], "b": [False, False, True], "c": [False] * 3}


def test_golden_by_tau_counts_judged_problems_in_the_band() -> None:
    """H_norm of a, b, c, d, z: .25, .5, .75, .4 and 1 (z, without pool); d has no oracle; e is the minimum."""
    values = {"e": 0.0, "a": 0.5, "b": 1.0, "c": 1.5, "d": 0.8, "z": 2.0}
    rows = [Uncertainty(name, "m", value, None) for name, value in values.items()]
    found = golden_by_tau({"m": rows}, judged_pairs(POOLS_AGREED, *PARTS, PASSED), PASSED)["m"]
    assert [point["tau"] for point in found] == list(TAUS)
    counts = {
        point["tau"]: (point["problems"], point["pairs"], point["golden"], point["golden_rate"]) for point in found
    }
    assert counts[0.2] == (0, 0, 0, None)
    assert counts[0.3] == (1, 1, 1, 1.0)
    assert counts[0.6] == (2, 2, 1, 0.5)
    assert counts[1.0] == (3, 3, 1, 1 / 3)


def test_golden_by_tau_without_oracles_is_empty() -> None:
    rows = [Uncertainty("a", "m", 0.5, None)]
    assert golden_by_tau({"m": rows}, judged_pairs(POOLS_AGREED, *PARTS, {}), {}) == {"m": []}


def test_selectors_are_judged_on_problems_with_an_oracle() -> None:
    found = selector_figures(POOLS_AGREED, RANKINGS, PASSED)
    assert found["consensus"] == {"accuracy": pytest.approx(1 / 3), "n": 3, "no_winner": {}}  # right on a only
    assert found["random"]["accuracy"] == pytest.approx((2 / 3 + 1 / 3 + 0) / 3)
    assert found["any"]["accuracy"] == pytest.approx(2 / 3)
    assert "likeliest" not in found, "no candidate has log-probabilities"
    assert selector_figures(POOLS_AGREED, RANKINGS, {}) == {}


def test_a_selector_is_judged_on_the_problems_that_have_what_it_reads() -> None:
    """a has likelihoods and c, whose candidates all crash, has them, too; b lacks one of three."""
    log_probs = {"a": [0.5, 0.1, 0.9], "b": [0.5, None, 0.9], "c": [0.1, 0.2, 0.3], "d": [0.1, 0.2, 0.3]}
    pools = [
        replace(
            p, candidates=[replace(c, mean_nll=v) for c, v in zip(p.candidates, log_probs[p.problem.id], strict=True)]
        )
        for p in POOLS
    ]
    found = selector_figures(
        zip(pools, {**AGREED, "c": agreement_of([[None]] * 3)}.values(), strict=True), RANKINGS, PASSED
    )
    assert found["likeliest"] == {
        "accuracy": 0.5,  # right on a, wrong on c; d is not judged
        "n": 2,
        "no_winner": {"candidates without log-probabilities": 1},
    }
    assert found["consensus"] == {
        "accuracy": pytest.approx(1 / 3),
        "n": 3,
        "no_winner": {"every candidate crashed": 1},
    }, "nobody is chosen of c, which is wrong"
    assert found["any"]["n"] == found["random"]["n"] == 3
    assert selector_figures(zip(pools[:2], AGREED.values(), strict=False), RANKINGS, PASSED)["likeliest"] == {
        "accuracy": 1.0,
        "n": 1,
        "no_winner": {"candidates without log-probabilities": 1},
    }


def test_a_selector_that_never_chooses_is_always_wrong() -> None:
    crashed = [(each, agreement_of([[None]] * 3)) for each in POOLS]
    assert selector_figures(crashed, RANKINGS, PASSED)["consensus"] == {
        "accuracy": 0.0,
        "n": 3,
        "no_winner": {"every candidate crashed": 3},
    }


def test_a_ranking_is_not_called_like_a_bound() -> None:
    check_rankings(["consensus", "first"])
    for name in ("random", "any"):
        with pytest.raises(ValueError, match=f"rankings.{name}: .*; rename the key"):
            check_rankings(["consensus", name])
