"""MBR-Exec over generated tests: the largest class of candidates that pass the same ones (Shi et al., 2204.11454)."""

from conself.agreement.passing_matrix import PassingMatrix
from conself.rankings.by_tests import Scores, class_scores


def mbr_exec_scores(matrix: PassingMatrix) -> Scores:
    """k, the size of a candidate's class, per candidate."""
    return class_scores(matrix, lambda each: each.size)
