"""MaxPass: the candidate that passes most generated tests (the filter of AlphaCode, Li et al., arXiv 2203.07814)."""

from conself.agreement.passing_matrix import PassingMatrix
from conself.rankings.by_tests import Scores, class_scores


def max_pass_scores(matrix: PassingMatrix) -> Scores:
    """q, how many tests a candidate passes, per candidate."""
    return class_scores(matrix, lambda each: each.n_passed)
