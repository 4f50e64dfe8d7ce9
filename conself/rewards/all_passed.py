"""Reward 1 for the programs that pass all generated tests: the reward of training on generated tests alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.by_tests import NO_TESTS
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class AllPassed:
    """Reward 1 for a program that passes every test, else 0: ZeroCoder's test-driven baselines (arXiv 2604.07864)."""

    needs_tests: ClassVar[bool] = True

    def __call__(
        self,
        pool: Pool,  # noqa: ARG002
        agreement: Agreement,  # noqa: ARG002
        passing: PassingMatrix | None,
        progress: float,  # noqa: ARG002
    ) -> Sequence[float] | Undefined:
        """Return 0 or 1 for each candidate, or Undefined where there are no tests."""
        if passing is None or not passing.n_tests:
            return Undefined(NO_TESTS)
        return [float(all(row)) for row in passing.passed]
