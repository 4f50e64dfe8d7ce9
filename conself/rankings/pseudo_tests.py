"""Pseudo tests: rank by how many majority outputs a candidate reproduces (the baseline PFPO)."""

from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement, Keys
from conself.agreement.votes import votes
from conself.rankings.ranked import Ranked, alive, by_score, chosen, nothing_to_rank
from conself.records import Pool


@dataclass(frozen=True)
class PseudoTests:
    """Rank by the share of pseudo tests passed; the winner's share is its weight (PFPO: docs/method.md#methods).

    A pseudo test is an input with the output that most candidates give. All candidates with the highest share are
    judged right, and so is every test that they pass.
    """

    gives_weight: ClassVar[bool] = True

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Rank by pseudo tests; no winner if every candidate crashed; of equal shares the lowest index wins."""
        if empty := nothing_to_rank(agreement):
            return empty
        expected = pseudo_tests(agreement.keys)
        scores = pseudo_test_scores(agreement.keys)
        order = by_score(scores, alive(agreement))
        best = [agreement.keys[index] for index in order[0]]
        tests = (j for j, output in enumerate(expected) if output is not None and any(row[j] == output for row in best))
        return chosen(order, len(scores), order[0], tuple(tests), scores[order[0][0]])


def pseudo_tests(keys: Keys) -> list[str | None]:
    """Return, per input, the most frequent output of K candidates (of ties, the lowest index's); None: all crash."""
    return [counts.most_common(1)[0][0] if counts else None for counts in votes(keys)]


def pseudo_test_scores(keys: Keys) -> list[float]:
    """Compute the share of pseudo tests that each of K candidates passes.

    An input on which every candidate crashes gives no test; without tests all scores are 0.

    Returns:
        K scores in [0, 1].
    """
    expected = pseudo_tests(keys)
    tests = sum(output is not None for output in expected)
    agreeing = [sum(c is not None and c == e for c, e in zip(row, expected, strict=True)) for row in keys]
    return [count / tests if tests else 0.0 for count in agreeing]
