"""B4: the class of candidates that is right with the highest posterior probability (arXiv 2409.08692)."""

from dataclasses import dataclass
from math import lgamma
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.by_tests import PassingClass, Scores, class_scores, ranked_by
from conself.rankings.ranked import Ranked
from conself.records import Pool


@dataclass(frozen=True)
class B4:
    """Rank by the posterior probability of being right; gives no weight.

    Args:
        log10_beta0: log10 of the prior's beta0: the larger it is, the more rarely wrong candidates pass wrong tests.
        log10_alpha: log10 of the prior's alpha, of the shares of candidates and of tests that are right.

    Raises:
        ValueError: one of them is not in -12..12.
    """

    gives_weight: ClassVar[bool] = False

    log10_beta0: float
    log10_alpha: float

    def __post_init__(self) -> None:
        for name in ("log10_beta0", "log10_alpha"):
            if not abs(getattr(self, name)) <= 12:
                raise ValueError(
                    f"ranking.{name} must lie in -12..12, got {getattr(self, name)}; "
                    "ZeroCoder uses log10_beta0 4, log10_alpha 3"
                )

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Rank by B4's score; no winner if no candidate passes a test. Applies only to pools with tests."""
        return ranked_by(
            passing,
            len(pool.candidates),
            lambda matrix: b4_scores(matrix, self.log10_beta0, self.log10_alpha),
            None,
            False,
        )


def b4_scores(matrix: PassingMatrix, log10_beta0: float, log10_alpha: float) -> Scores:
    """Compute each candidate's log posterior, up to a constant."""
    return class_scores(matrix, lambda each: b4_score(each, 10.0**log10_beta0, 10.0**log10_alpha))


def b4_score(each: PassingClass, beta0: float, alpha: float) -> float:
    """Compute ln B(alpha+k, 1+N-k) + ln B(alpha+q, 1+M-q) + ln B(1+n1, 1+m1-n1) + ln B(1+n0, beta0+m0-n0).

    The terms model the number of right candidates, the number of right tests, the outcomes of wrong candidates on right
    tests (flat prior), and on wrong tests, where ``beta0`` makes passing rare. Letters as in
    :class:`conself.rankings.by_tests.PassingClass`.
    """
    k, others, q, failed = each.size, each.candidates - each.size, each.n_passed, each.all_tests - each.n_passed
    n1, n0 = each.others_on_passed, each.others_on_failed
    return (
        _log_beta(alpha + k, 1 + others)
        + _log_beta(alpha + q, 1 + failed)
        + _log_beta(1 + n1, 1 + others * q - n1)
        + _log_beta(1 + n0, beta0 + others * failed - n0)
    )


def _log_beta(a: float, b: float) -> float:
    """Return log B(a, b), with B(a, b) = Gamma(a) Gamma(b) / Gamma(a + b)."""
    return lgamma(a) + lgamma(b) - lgamma(a + b)
