"""Figures over seeds, and tests whether two methods differ: over seeds and over problems, named separately."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from conself.records import Verdict
from conself.statistics.pass_rates import RESAMPLES, Estimate, paired, pass_rates

_POWER = float(stats.norm.ppf(0.975) + stats.norm.ppf(0.8))


@dataclass(frozen=True)
class Spread:
    """A mean over ``n`` runs with the sample standard deviation (n - 1) between them, None for one run."""

    mean: float
    sd: float | None
    n: int


@dataclass(frozen=True)
class BySeed:
    """Second minus first on the seeds that both have; ``p`` is the paired t-test's, None below 2 seeds."""

    difference: Spread
    wins: int
    p: float | None


@dataclass(frozen=True)
class ByProblem:
    """Second minus first on the same problems, every seed's answers pooled per problem; ``test`` says which.

    ``before`` and ``after`` are the means of the two over problems; ``error`` is the standard error of the mean
    difference, None for one problem.
    """

    before: float
    after: float
    difference: Estimate
    error: float | None
    p: float
    test: str
    problems: int
    seeds: int

    @property
    def detectable(self) -> float | None:
        """Return the true difference that a two-sided test at 5 % finds in 80 % of samples of as many problems.

        (z(.975) + z(.8)) standard errors: J. Cohen (1988), Statistical Power Analysis for the Behavioral Sciences.
        None where these problems do not tell: there is one alone, or none that differs from the others.
        """
        return _POWER * self.error if self.error else None

    @property
    def least(self) -> bool:
        """Return whether ``p`` is as small as the bootstrap can resolve, and so only an upper bound."""
        return "bootstrap" in self.test and self.p <= 2 / (RESAMPLES + 1)


def spread(values: Iterable[float | None]) -> Spread | None:
    """Return mean and standard deviation of the values that are present; None if there are none."""
    known = [float(value) for value in values if value is not None]
    if not known:
        return None
    return Spread(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None, len(known))


def flat(value: Spread | None) -> Spread | float | None:
    """Return a figure that is equal in all runs without its spread: a count, or the base model's greedy pass@1."""
    return value.mean if value is not None and not value.sd else value


def by_seed(first: Mapping[int, float], second: Mapping[int, float]) -> BySeed | None:
    """Return paired differences by seed, with a two-sided paired t-test; None if the two share no seed.

    With few seeds the test has almost no power, and equal differences have no p: report n beside it.
    """
    seeds = sorted(first.keys() & second.keys())
    if not seeds:
        return None
    differences = [second[seed] - first[seed] for seed in seeds]
    found = spread(differences)
    assert found is not None  # there is a seed
    p = None
    if found.sd is not None and found.sd > 1e-12:
        p = float(stats.ttest_1samp(np.asarray(differences, dtype=np.float64), 0.0).pvalue)
    return BySeed(found, sum(d > 0 for d in differences), p)


def holm(ps: Sequence[float]) -> list[float]:
    """Return the p-values of one family of tests, corrected by Holm's step-down, in the order given.

    S. Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6,
    65-70: the i-th smallest of m counts (m - i + 1)-fold, and no less than the ones before it.
    """
    corrected, highest = [0.0] * len(ps), 0.0
    for rank, at in enumerate(sorted(range(len(ps)), key=lambda at: ps[at])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[at]))
        corrected[at] = highest
    return corrected


def by_problem(first: Mapping[int, Sequence[Verdict]], second: Mapping[int, Sequence[Verdict]]) -> ByProblem | None:
    """Test whether two methods differ on the problems, over their shared seeds; None if they share no seed.

    One seed with one answer each: McNemar's test, exact. Several seeds: a problem's answers of all seeds are its
    answers, and the bootstrap is over problems, because the seeds of one problem are not independent.

    Raises:
        ValueError: the two are not of the same problems; names those that differ.
    """
    seeds = sorted(first.keys() & second.keys())
    if not seeds:
        return None
    before, after = (_pooled([verdicts[seed] for seed in seeds]) for verdicts in (first, second))
    found = paired(before, after)
    first_mean, second_mean = (statistics.fmean(pass_rates(side, 1)) for side in (before, after))
    return ByProblem(
        first_mean, second_mean, found.difference, found.error, found.p, found.test, len(before), len(seeds)
    )


def over_problems(first: Mapping[int, Sequence[Verdict]], second: Mapping[int, Sequence[Verdict]]) -> ByProblem | None:
    """Return the result of :func:`by_problem`, or None if the two have different problems."""
    names = [{v.problem_id for seed in first.keys() & second.keys() for v in side[seed]} for side in (first, second)]
    return by_problem(first, second) if names[0] == names[1] else None


def _pooled(seeds: Sequence[Sequence[Verdict]]) -> list[Verdict]:
    answers: dict[str, tuple[bool, ...]] = {}
    for verdicts in seeds:
        for verdict in verdicts:
            answers[verdict.problem_id] = (*answers.get(verdict.problem_id, ()), *verdict.passed)
    return [Verdict(problem, "", passed) for problem, passed in answers.items()]
