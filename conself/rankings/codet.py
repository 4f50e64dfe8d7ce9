"""CodeT: candidates and tests that many of each vouch for (Chen et al., arXiv 2207.10397)."""

from conself.agreement.passing_matrix import PassingMatrix
from conself.rankings.by_tests import Scores, class_scores

EXPONENTS = (0.5, 1)


def codet_scores(matrix: PassingMatrix, exponent: float) -> Scores:
    """k^exponent q per candidate, k the size of its class and q how many tests it passes.

    Args:
        matrix: K x M.
        exponent: 0.5, as in CodeT's own code, or 1, as in its paper.

    Raises:
        ValueError: another exponent.
    """
    if exponent not in EXPONENTS:
        raise ValueError(f"codet.exponent must be 0.5 (CodeT's code) or 1 (its paper), got {exponent}")
    return class_scores(matrix, lambda each: float(each.size**exponent * each.n_passed))
