"""Shared parts of rankings by generated tests: classes of candidates that pass the same tests, choice by score.

For a class of ``k`` equal rows that pass ``q`` of ``M`` tests the rules use the quantities of B4 (Chen et al.,
arXiv 2409.08692): candidates and tests are each right or wrong, and only the passing matrix is observed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from conself.agreement.passing_matrix import PassingMatrix
from conself.rankings.ranked import TIE, Ranked, by_score, chosen, nobody

NO_TESTS = "no generated tests"
ALL_FAIL = "no candidate passes a generated test"

Scores = tuple[float | None, ...]
"""One score per candidate; None of one that runs on no test, which can never be chosen."""


@dataclass(frozen=True)
class PassingClass:
    """Candidates that pass exactly the same tests, and how all other candidates do on those tests.

    Attributes:
        members: indices of the ``k`` candidates, ascending.
        tests: indices of the ``q`` tests that they pass, ascending.
        candidates: N, the number of candidates that run on any test, including the class.
        all_tests: M.
        others_on_passed: n1, the tests of ``tests`` passed by candidates outside of the class, of m1 = (N - k) q cells.
        others_on_failed: n0, the other tests passed by them, of m0 = (N - k)(M - q) cells.
    """

    members: tuple[int, ...]
    tests: tuple[int, ...]
    candidates: int
    all_tests: int
    others_on_passed: int
    others_on_failed: int

    @property
    def size(self) -> int:
        """The number k of members."""
        return len(self.members)

    @property
    def n_passed(self) -> int:
        """The number q of tests that the members pass."""
        return len(self.tests)


def classes(matrix: PassingMatrix) -> list[PassingClass]:
    """Group candidates into classes of equal rows, by lowest index. A crashed cell counts as failed.

    A candidate that runs on no test is ignored; one that runs and passes nothing is in a class.
    """
    members: dict[int, list[int]] = {}
    for index, row in _running(matrix):
        members.setdefault(sum(1 << test for test, cell in enumerate(row) if cell), []).append(index)
    candidates = sum(map(len, members.values()))
    passed = sum(row.bit_count() * len(group) for row, group in members.items())

    def one(row: int, group: list[int]) -> PassingClass:
        on_passed = sum((row & other).bit_count() * len(those) for other, those in members.items() if other != row)
        on_failed = passed - row.bit_count() * len(group) - on_passed
        tests = tuple(test for test in range(matrix.n_tests) if row >> test & 1)
        return PassingClass(tuple(group), tests, candidates, matrix.n_tests, on_passed, on_failed)

    return [one(row, group) for row, group in members.items()]


def _running(matrix: PassingMatrix) -> Iterator[tuple[int, Sequence[bool | None]]]:
    """Select the candidates that run on at least one test, with their rows."""
    return ((index, row) for index, row in enumerate(matrix.cells) if any(cell is not None for cell in row))


def class_scores(matrix: PassingMatrix, score: Callable[[PassingClass], float]) -> Scores:
    """Assign each candidate the score of its class."""
    scores: list[float | None] = [None] * len(matrix.cells)
    for each in classes(matrix):
        for index in each.members:
            scores[index] = score(each)
    return tuple(scores)


@dataclass(frozen=True)
class Choice:
    """The candidates and tests judged right, by ascending index; both are empty if no candidate is eligible."""

    solutions: tuple[int, ...]
    tests: tuple[int, ...]


def choose(matrix: PassingMatrix, scores: Scores, least_passed: int, merge_ties: bool) -> Choice:
    """Choose the eligible candidates with the highest score, and the tests that any of them passes.

    Args:
        matrix: K x M, from which the scores were computed.
        scores: K scores.
        least_passed: the number of tests that makes a candidate eligible. 1: candidates that pass nothing give no
            evidence. 0 as in B4's evaluation, where they form a class like others, often the largest.
        merge_ties: choose all classes within ``TIE`` of the highest score, as B4's evaluation does. Such classes
            disagree with one another, so training uses False: the class with the lowest index.
    """
    eligible = {
        each: score
        for each in classes(matrix)
        if each.n_passed >= least_passed and (score := scores[each.members[0]]) is not None
    }
    tied = [each for each, score in eligible.items() if score >= max(eligible.values()) - TIE]
    best = tied if merge_ties else tied[:1]
    return Choice(_union(each.members for each in best), _union(each.tests for each in best))


def ranked_by(
    matrix: PassingMatrix | None,
    size: int,
    scores_of: Callable[[PassingMatrix], Scores],
    weight: Callable[[PassingClass], float] | None,
    merge_ties: bool,
) -> Ranked:
    """Rank ``size`` candidates by scores computed from generated tests.

    Candidates that pass no test are left out. The class with the highest score is judged right (of ties, the one with
    the lowest index or, with ``merge_ties``, all of them), and so are the tests that it passes.

    Args:
        matrix: K x M; the ranking doesn't apply where it is None or M is 0.
        size: K.
        scores_of: one of the rules.
        weight: the weight of a class's members, in [0, 1]; None if the rule gives none.
        merge_ties: as in :func:`choose`.

    Raises:
        ValueError: the matrix has another number of rows than K.
    """
    if matrix is None or not matrix.n_tests:
        return nobody(size, NO_TESTS, applies=False)
    if len(matrix.cells) != size:
        raise ValueError(f"a passing matrix of {len(matrix.cells)} rows for {size} candidates; make one row of each")
    scores = scores_of(matrix)
    choice = choose(matrix, scores, least_passed=1, merge_ties=merge_ties)
    if not choice.solutions:
        return nobody(size, ALL_FAIL)
    order = by_score([score or 0.0 for score in scores], [i for i, row in enumerate(matrix.passed) if any(row)])
    (right,) = [each for each in classes(matrix) if choice.solutions[0] in each.members]
    return chosen(order, size, choice.solutions, choice.tests, None if weight is None else weight(right))


def _union(indices: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(sorted(set().union(*indices)))
