"""UCoder's analyses by hand, and its pools on the embedded world judged by the chains that the tasks name."""

from dataclasses import replace
from math import log
from pathlib import Path

import pytest

from conself.agreement.traces import agreement_of
from conself.records import Candidate, Outcome, Pool, PreferencePair, Problem, Status, Trace
from conself.store.tables import write_records
from experiments.metric_pools.judged import Judged
from experiments.ucoder.__main__ import picked
from experiments.ucoder.analyses import by_cluster_size, by_perplexity, lexical_diversity, theorem, topics
from experiments.ucoder.judged import by_chain, expected_of, right
from experiments.ucoder.solved import figures, rankings

SORTED = Problem("p", "Sort the list.\n\nExample: f([2, 1]) == [1, 2]", "", "f", ("([3, 1],)", "(1,)"), "", "")


def pool(keys: list[tuple[str | None, ...]], passed: list[bool], nlls: list[float | None]) -> Judged:
    drawn = [Candidate("p", k, None, "", "", "stop", nll, None, None, 1) for k, nll in enumerate(nlls)]
    return Judged(Pool(SORTED, drawn, []), agreement_of(keys), tuple(passed))


def test_a_chain_has_the_references_values_and_an_input_of_another_type_none() -> None:
    assert expected_of(SORTED, by_chain(SORTED)) == ["[1,3]", None]


def test_a_task_that_is_no_chain_has_no_values() -> None:
    other = Problem("p", "Dance.\n\nExample: f([2, 1]) == [1, 2]", "", "f", ("([3, 1],)",), "", "")
    assert by_chain(other) is None
    assert expected_of(other, None) == [None]


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome(Status.OK, "[1,3]"), True),
        (Outcome(Status.OK, "[3,1]"), False),
        (Outcome(Status.EXCEPTION, "ValueError"), False),
    ],
)
def test_only_inputs_with_a_value_count(outcome: Outcome, verdict: bool) -> None:
    assert right(Trace("p", 0, (outcome, Outcome(Status.OK, "anything"))), ["[1,3]", None]) is verdict


def test_lexical_diversity_by_hand() -> None:
    """Six words, four of them different; four pairs within a text, three of them different."""
    found = lexical_diversity(["Sort the list.", "Sort the text!"])
    assert found == {"problems": 2, "words": 3, "distinct-1": pytest.approx(4 / 6), "distinct-2": pytest.approx(3 / 4)}


def test_perplexity_by_hand() -> None:
    """Right at 1.01 and 1.3, wrong at 1.12: of the two pairs of right and wrong one is in order."""
    found = by_perplexity([pool([("1",), ("1",), ("2",)], [True, True, False], [log(1.01), log(1.3), log(1.12)])])
    assert found["mean"] == pytest.approx((1.01 + 1.3 + 1.12) / 3)
    assert found["auc"] == 0.5
    shares = {bound: group["share"] for bound, group in found["right below"].items()}
    assert shares == {"1.02": 1.0, "1.2": 0.0, "1.5": 1.0}


def test_candidates_without_a_likelihood_have_no_perplexity() -> None:
    found = by_perplexity([pool([("1",), ("1",), ("2",)], [True, True, False], [0.1, None, 0.2])])
    assert (found["auc"], sum(group["n"] for group in found["right below"].values())) == (1.0, 2)


def test_cluster_sizes_by_hand() -> None:
    """Three of four agree and are right; two of four agree and are wrong."""
    pools = [
        pool([("1",), ("1",), ("1",), ("2",)], [True, True, True, False], [0.1] * 4),
        pool([("1",), ("1",), ("2",), ("3",)], [False, False, True, False], [0.1] * 4),
    ]
    assert by_cluster_size(pools) == {"[0.50, 0.75)": {"n": 1, "share": 0.0}, "[0.75, 1.00]": {"n": 1, "share": 1.0}}


def test_the_theorem_by_hand() -> None:
    """One right of four, and three wrong ones on two inputs: of their three pairs the inputs agree 2, 1 and 1 times.

    p = 4/6; a third of the pairs agree on both, p squared is 4/9; log(4) / -log(2/3) = 3.4 inputs are more than two.
    """
    keys: list[tuple[str | None, ...]] = [("9", "9"), ("1", "1"), ("1", "1"), ("1", "2")]
    found = theorem([pool(keys, [True, False, False, False], [0.1] * 4)])
    assert found["p"]["mean"] == pytest.approx(4 / 6)
    assert found["agree on all"] == pytest.approx(1 / 3)
    assert found["independently"] == pytest.approx(4 / 9)
    assert found["enough inputs"] == {"n": 1, "share": 0.0}
    assert found["foretold"] == {"enough": {"n": 0, "share": 0}, "too few": {"n": 1, "share": 0.0}}


def test_wrong_programs_that_always_agree_have_never_enough_inputs_and_those_that_never_do_always() -> None:
    always = pool([("9",), ("9",), ("9",), ("1",), ("1",)], [True, True, True, False, False], [0.1] * 5)
    never = pool([("9",), ("1",), ("2",)], [True, False, False], [0.1] * 3)
    found = theorem([always, never])
    assert found["enough inputs"] == {"n": 2, "share": 0.5}
    assert found["foretold"] == {"enough": {"n": 1, "share": 1.0}, "too few": {"n": 1, "share": 1.0}}


def test_crashes_agree_with_nothing() -> None:
    keys: list[tuple[str | None, ...]] = [("9",), (None,), (None,)]
    assert theorem([pool(keys, [True, False, False], [0.1] * 3)])["p"]["mean"] == 0.0


@pytest.mark.parametrize(
    ("rejected", "winner", "golden"),
    [((None, None, None), 2 / 3, 2 / 3), ((2, 1, 2), 2 / 3, 1 / 3)],
)
def test_a_target_is_golden_if_its_winner_is_right_and_its_loser_wrong(
    rejected: tuple[int | None, ...], winner: float, golden: float, tmp_path: Path
) -> None:
    """Programs 0 and 1 are right; a problem that is no chain is left out."""
    given = pool([("1",), ("1",), ("2",)], [True, True, False], [0.1] * 3)
    chosen = zip((0, 0, 2), rejected, strict=True)
    pairs = [PreferencePair("p", "", "", None if r is None else "", c, r, 1.0) for c, r in chosen]
    write_records(tmp_path / "pairs.parquet", PreferencePair, [*pairs, replace(pairs[0], problem_id="other")])
    found = picked(tmp_path / "pairs.parquet", [given])
    assert found == {"n": 3, "winner right": pytest.approx(winner), "golden": pytest.approx(golden)}


def test_topics_are_counted() -> None:
    rows = [
        {"category": "lists", "topic": "sort", "reason": None},
        {"category": "lists", "topic": "sum", "reason": "unparsable"},
    ]
    assert topics(rows) == {"by category": {"lists": {"asks": 2, "kept": 1}}, "topics": 2, "topics kept": 1}


def test_the_share_of_solvable_problems_and_of_right_winners_by_hand() -> None:
    """One problem whose majority is right, one whose single right program is in no majority, and one without any."""
    keys: list[tuple[str | None, ...]] = [("1",), ("1",), ("2",)]
    pools = [
        pool(keys, [True, True, False], [0.3, 0.2, 0.1]),
        pool(keys, [False, False, True], [0.3, 0.2, 0.1]),
        pool([(None,), (None,), (None,)], [False, False, False], [0.1] * 3),
    ]
    found = figures(pools, rankings())
    assert (found["problems"], found["solvable"]) == (3, pytest.approx(2 / 3))
    assert found["programs right"] == pytest.approx((2 / 3 + 1 / 3) / 3)
    assert found["winner right"]["reliable_cluster"] == pytest.approx(1 / 3)
    assert found["winner right"]["likeliest"] == pytest.approx(1 / 3)
    assert found["no winner"]["reliable_cluster"] == 1
