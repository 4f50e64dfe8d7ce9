"""What rankings by generated tests share: classes of candidates that pass the same tests, and the choice among scores.

The numbers that the rules are made of, for a class of ``k`` equal rows that pass ``q`` of ``M`` tests, are those of B4
(Chen et al., arXiv 2409.08692): candidates are right or wrong, tests are right or wrong, and all that is seen is who
passes what.
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
    """Candidates that pass exactly the same tests, and how everybody else does on those tests.

    Attributes:
        members: indices of the ``k`` candidates, ascending.
        tests: indices of the ``q`` tests that they pass, ascending.
        candidates: N, how many candidates run on a test at all; those of the class are among them.
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
        """The number q of tests that they pass."""
        return len(self.tests)


def classes(matrix: PassingMatrix) -> list[PassingClass]:
    """The classes of equal rows, by their lowest index. A cell that crashed counts as failed.

    A candidate that runs on no test is in no class and counts nowhere; one that runs and passes nothing does count.
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
    """The candidates that run on a test at least, with their rows."""
    return ((index, row) for index, row in enumerate(matrix.cells) if any(cell is not None for cell in row))


def class_scores(matrix: PassingMatrix, score: Callable[[PassingClass], float]) -> Scores:
    """Every candidate's score, which is its class's."""
    scores: list[float | None] = [None] * len(matrix.cells)
    for each in classes(matrix):
        for index in each.members:
            scores[index] = score(each)
    return tuple(scores)


@dataclass(frozen=True)
class Choice:
    """Which candidates and which tests are held right, by index, ascending; both are empty where nobody is eligible."""

    solutions: tuple[int, ...]
    tests: tuple[int, ...]


def choose(matrix: PassingMatrix, scores: Scores, least_passed: int, merge_ties: bool) -> Choice:
    """The eligible candidates of the highest score, and the tests that any of them passes.

    Args:
        matrix: K x M, what the scores were made of.
        scores: K of them.
        least_passed: how many tests a candidate passes to be eligible. 1: those who pass nothing have shown nothing.
            0 as in B4's evaluation, where they are a class like others, and often the largest.
        merge_ties: of classes within ``TIE`` of the highest score choose all, as B4's evaluation does. Such classes
            disagree with one another, so that training takes the one of the lowest index: False.
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
    """The ranking of ``size`` candidates by scores made of generated tests.

    Who passes no test is left out. The class of the highest score is held right, of classes that tie the one of the
    lowest index or, where ``merge_ties`` is set, all; and so are the tests that they pass.

    Args:
        matrix: K x M; the ranking doesn't apply where it is None or M is 0.
        size: K.
        scores_of: one of the rules.
        weight: how much a class speaks for its members, in [0, 1]; None where the rule gives no such figure.
        merge_ties: as :func:`choose` has it.

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
