"""The share of tests that a program passes, times its consensus score."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.by_tests import NO_TESTS
from conself.rankings.consensus import consensus_scores
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class PassedTimesConsensus:
    """(q/M) R(c): the share of M tests a program passes, whoever else passes them, times its consensus score."""

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
        shares = (sum(row) / passing.n_tests for row in passing.passed)
        return [share * score for share, score in zip(shares, consensus_scores(agreement.keys), strict=True)]
