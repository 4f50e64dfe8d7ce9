"""Dynamic B4: the prior by which B4 chooses best on a few problems with known verdicts (arXiv 2604.07864)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from conself.agreement.passing_matrix import PassingMatrix
from conself.rankings.b4 import B4, b4_scores
from conself.rankings.by_tests import choose


@dataclass(frozen=True, slots=True)
class Prior:
    """The settings of :class:`conself.rankings.b4.B4`, whole or fractional powers of ten."""

    log10_beta0: float
    log10_alpha: float

    def distance(self, other: "Prior") -> Fraction:
        """The square of the distance in the plane of both logarithms, exact."""
        beta = Fraction(self.log10_beta0) - Fraction(other.log10_beta0)
        alpha = Fraction(self.log10_alpha) - Fraction(other.log10_alpha)
        return beta**2 + alpha**2

    def ranking(self) -> B4:
        """B4 with this prior."""
        return B4(self.log10_beta0, self.log10_alpha)


USUAL = Prior(4, 3)
"""ZeroCoder's best fixed prior: beta0 = 10^4, alpha = 10^3."""
GRID = tuple(Prior(beta0, alpha) for beta0 in range(1, 7) for alpha in range(5))
"""beta0 = 10^1 .. 10^6, alpha = 10^0 .. 10^4: 30 priors."""


def calibrate(
    matrices: Mapping[str, PassingMatrix],
    correct: Mapping[str, Sequence[bool]],
    previous: Prior,
    grid: Sequence[Prior] = GRID,
) -> Prior:
    """The prior of the grid whose choices are right most often, on a mean over the problems.

    Ties, which are the rule with ten problems, go to the prior that is nearest to ``USUAL``, then to the nearest to
    ``previous``, then to the first of the grid. Whoever calls this with verdicts has labels, and is to say so.

    Args:
        matrices: problem id -> which of its K candidates passes which generated test.
        correct: problem id -> K verdicts of the problem's own tests, for at least the same problems.
        previous: the prior so far.
        grid: priors to choose from.

    Raises:
        ValueError: there is no problem, no prior, or not one verdict for each candidate of a problem.
    """
    if not matrices or not grid:
        raise ValueError(f"calibration needs problems and priors, got {len(matrices)} and {len(grid)}")
    for problem, matrix in matrices.items():
        if len(verdicts := correct.get(problem, ())) != len(matrix.cells):
            raise ValueError(
                f"problem {problem}: {len(verdicts)} verdicts for {len(matrix.cells)} candidates; calibrate on "
                "problems whose candidates have all been judged"
            )
    shares = [sum(share_right(matrix, correct[name], prior) for name, matrix in matrices.items()) for prior in grid]
    best = [prior for prior, share in zip(grid, shares, strict=True) if share == max(shares)]
    return min(best, key=lambda prior: (prior.distance(USUAL), prior.distance(previous)))


def share_right(matrix: PassingMatrix, correct: Sequence[bool], prior: Prior) -> Fraction:
    """The share of the candidates that B4 chooses that are right; 0 where it chooses nobody."""
    scores = b4_scores(matrix, prior.log10_beta0, prior.log10_alpha)
    solutions = choose(matrix, scores, least_passed=1, merge_ties=False).solutions
    return Fraction(sum(correct[index] for index in solutions), max(len(solutions), 1))
