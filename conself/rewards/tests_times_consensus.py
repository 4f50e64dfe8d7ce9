"""CodeT's score of a class of programs that pass the same tests, times a program's consensus score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.by_tests import NO_TESTS, classes
from conself.rankings.consensus import consensus_scores
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class TestsTimesConsensus:
    """(k/N) (q/M) R(c): ``k`` of N programs pass the same ``q`` of M tests; times the program's consensus score.

    k q is CodeT's product (arXiv 2207.10397), here as shares, so that problems with more tests don't weigh more where
    advantages are not scaled. N counts the programs that run on at least one test; any other program gets 0.
    """

    __test__ = False  # pytest would collect the name as a test class
    needs_tests: ClassVar[bool] = True

    def __call__(
        self,
        pool: Pool,  # noqa: ARG002
        agreement: Agreement,
        passing: PassingMatrix | None,
        progress: float,  # noqa: ARG002
    ) -> Sequence[float] | Undefined:
        """Return a share for each candidate, or Undefined where there are no tests."""
        if passing is None or not passing.n_tests:
            return Undefined(NO_TESTS)
        rewards = [0.0] * len(passing.cells)
        scores = consensus_scores(agreement.keys)
        for each in classes(passing):
            share = each.size * each.n_passed / (each.candidates * each.all_tests)
            for index in each.members:
                rewards[index] = share * scores[index]
        return rewards
