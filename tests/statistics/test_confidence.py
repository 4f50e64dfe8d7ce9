"""Features by hand, the fit against one on known odds, and what the parts make of it."""

import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from conself.agreement.traces import Agreement, agreement_of
from conself.records import Candidate, Pool, Problem, Undefined
from conself.statistics.confidence import FEATURES, Confidence, features, fitted
from conself.statistics.doubt import Doubt
from conself.statistics.most_confident import MostConfident

NONE = dict.fromkeys(FEATURES, 0.0)
BY_AGREEMENT = Confidence(-1.0, {**NONE, "agreement": 2.0})


def pool_of(keys: list[list[str | None]], nlls: list[float | None] | None = None) -> tuple[Pool, Agreement]:
    nlls = nlls or [None] * len(keys)
    problem = Problem("p", "", "", "f", ("()",) * len(keys[0]), "", "")
    candidates = [Candidate("p", k, None, "", "", "stop", nll, None, None, 1) for k, nll in enumerate(nlls)]
    return Pool(problem, candidates, []), agreement_of(keys)


def test_features_by_hand() -> None:
    rows = features(*pool_of([["a", "b"], ["a", "b"], ["a", None], [None, None]], [0.5, 0.7, None, 0.9]))
    assert list(FEATURES) == [
        "agreement", "cluster", "crashes", "pool_crashes", "variety", "inputs", "cluster_inputs", "likelihood",
    ]  # fmt: skip
    two = math.log(2)
    # R: 3 of 3 on the first input, 2 of 2 on the second; three of eight executions crash; the median NLL is .7
    assert rows[0] == pytest.approx((1.0, 0.5, 0.0, 3 / 8, 1.0, two, two / 2, 0.2))
    assert rows[1] == pytest.approx((1.0, 0.5, 0.0, 3 / 8, 1.0, two, two / 2, 0.0))
    assert rows[2] == pytest.approx((0.5, 0.25, 0.5, 3 / 8, 1.0, two, two / 4, 0.0))
    assert rows[3] == pytest.approx((0.0, 0.0, 1.0, 3 / 8, 0.0, two, 0.0, -0.2))
    assert features(*pool_of([["a", "a", "a", "b"]]))[0][4] == 2 / 4


def test_a_probability_by_hand_and_none_for_who_never_runs() -> None:
    found = BY_AGREEMENT(*pool_of([["a"], ["a"], ["b"], [None]]))
    assert found == pytest.approx([1 / (1 + math.exp(1 - 4 / 3))] * 2 + [1 / (1 + math.exp(1 - 2 / 3)), 0.0])


def test_far_odds_stay_numbers() -> None:
    part = replace(BY_AGREEMENT, intercept=1e6)
    assert part(*pool_of([["a"]])) == pytest.approx([1.0])
    assert replace(part, intercept=-1e6)(*pool_of([["a"]])) == pytest.approx([0.0], abs=1e-12)


def test_other_weights_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"confidence\.weights must have a number for each of agreement, .*; got agree"
    ):
        Confidence(0.0, {"agree": 1.0})


def drawn(seed: int, n: int, part: Confidence) -> list[tuple[Pool, Agreement, list[bool]]]:
    """Problems whose programs are right as often as ``part`` says."""
    draw = random.Random(seed)
    found = []
    for _ in range(n):
        keys = [[draw.choice(["a", "a", "b", "c", None]) for _ in range(3)] for _ in range(8)]
        pool, agreement = pool_of([list(row) for row in keys])
        found.append((pool, agreement, [draw.random() < p for p in part(pool, agreement)]))
    return found


def test_a_fit_recovers_known_odds() -> None:
    truth = Confidence(-2.0, {**NONE, "agreement": 5.0})
    part = fitted({"one": drawn(1, 600, truth), "other": drawn(2, 600, truth)})
    assert part.fitted_on == ("one", "other")
    gaps = [
        abs(a - b) for pool, agreement, _ in drawn(3, 50, truth)
        for a, b in zip(part(pool, agreement), truth(pool, agreement), strict=True)
    ]  # fmt: skip
    assert max(gaps) < 0.1
    assert sum(gaps) / len(gaps) < 0.025


def test_each_pool_counts_the_same() -> None:
    right = drawn(1, 30, Confidence(30.0, NONE))
    wrong = drawn(2, 300, Confidence(-30.0, NONE))
    part = fitted({"right": right, "wrong": wrong})
    found = [p for pool, agreement, _ in wrong for p in part(pool, agreement) if p]
    assert sum(found) / len(found) == pytest.approx(0.5, abs=0.05)


def test_one_kind_alone_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="right and wrong programs"):
        fitted({"wrong": drawn(2, 3, Confidence(-30.0, NONE))})


def test_the_ranking_takes_the_surest_and_gives_its_probability() -> None:
    pool, agreement = pool_of([["b"], ["a"], ["a"], [None]])
    ranked = MostConfident(BY_AGREEMENT)(pool, agreement, None)
    assert (ranked.winner, ranked.solutions, ranked.losers) == (1, (1, 2), (0, 3))
    assert ranked.winner_weight == pytest.approx(1 / (1 + math.exp(1 - 4 / 3)))
    assert MostConfident(BY_AGREEMENT)(*pool_of([[None]]), None).winner is None


def test_doubt_is_what_is_left_to_one() -> None:
    assert Doubt(BY_AGREEMENT)(*pool_of([["b"], ["a"], ["a"]])) == pytest.approx(1 - 1 / (1 + math.exp(1 - 4 / 3)))
    assert Doubt(BY_AGREEMENT)(*pool_of([[None]])) == Undefined("every candidate crashed")


def test_no_training_code_names_the_confidence() -> None:
    """The walls of tests/test_architecture.py keep imports out; this one keeps the words out of the default choices."""
    conf = Path(__file__).parents[2] / "conf"
    users = {
        str(path.relative_to(conf))
        for path in conf.rglob("*.yaml")
        if "conself.statistics" in path.read_text() or "confidence@" in path.read_text()
    }
    assert users == {"statistics/confidence/pools.yaml", "ranking/most_confident.yaml", "metric/doubt.yaml"}
    assert MostConfident.labels == Doubt.labels == "pools"
