"""How well uncertainty predicts success. Oracles are allowed here (docs/method.md#analysis).

Metrics are rounded to ``DIGITS`` decimals before they are ranked, because float noise breaks ties.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from conself.oracles import Oracle
from conself.records import Outcome, Status

DIGITS = 10

Equal = Callable[[str, str, bool], bool]
"""Whether a recorded value is as expected, and whether both are standard output."""


def auc(values: Sequence[float], solvable: Sequence[bool]) -> float | None:
    """Compute the ROC AUC of solvable (pass rate > 0) against unsolvable problems, with score = -metric.

    None when either class is empty, where the AUC is undefined.
    """
    if len(set(solvable)) < 2:
        return None
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(list(solvable), [-value for value in _rounded(values)]))


def correlations(values: Sequence[float], pass_rates: Sequence[float]) -> dict[str, tuple[float, float] | None]:
    """Compute Pearson, Spearman and Kendall (tau-b) coefficients of metric against pass rate, each with its p-value.

    Returns:
        ``pearson``, ``spearman``, ``kendall`` -> (coefficient, two-sided p), or None where undefined: with fewer than 3
        problems, or a metric or pass rate that is the same for all of them.
    """
    ranked = _rounded(values)
    if len(ranked) < 3 or min(len(set(ranked)), len(set(pass_rates))) < 2:
        return {"pearson": None, "spearman": None, "kendall": None}
    import numpy as np
    from scipy import stats

    x, y = np.asarray(ranked, dtype=np.float64), np.asarray(pass_rates, dtype=np.float64)
    pearson, spearman, kendall = stats.pearsonr(x, y), stats.spearmanr(x, y), stats.kendalltau(x, y)
    return {
        "pearson": (float(pearson.statistic), float(pearson.pvalue)),
        "spearman": (float(spearman.statistic), float(spearman.pvalue)),
        "kendall": (float(kendall.statistic), float(kendall.pvalue)),
    }


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, DIGITS) + 0.0 for value in values]


def golden(
    pairs: Mapping[str, Iterable[tuple[int, int | None]]], passed: Mapping[str, Sequence[bool]]
) -> tuple[int, float | None]:
    """Count golden pairs, whose winner is right and whose loser is wrong, and their share of all pairs.

    Args:
        pairs: problem id -> winner and loser of each pair; those without a loser (SFT targets) are not counted.
        passed: problem id -> one verdict per candidate.

    Returns:
        The number, and the rate in [0, 1] or None without pairs.
    """
    verdicts = [
        passed[problem][winner] and not passed[problem][loser]
        for problem, pairs_of_problem in pairs.items()
        for winner, loser in pairs_of_problem
        if loser is not None
    ]
    return sum(verdicts), (sum(verdicts) / len(verdicts) if verdicts else None)


def judge(outcomes: Sequence[Outcome], oracle: Oracle, equal: Equal, is_stdout: bool) -> bool:
    """Return whether a program passes: on every input it ends OK with a value ``equal`` to the expected one.

    Raises:
        ValueError: the numbers of outcomes and of expected values differ, or there are none.
    """
    if not oracle.expected or len(outcomes) != len(oracle.expected):
        raise ValueError(
            f"problem {oracle.problem_id}: {len(outcomes)} outcomes against {len(oracle.expected)} expected values; "
            "give one expected value per input, and at least one"
        )
    return all(
        outcome.status is Status.OK and equal(outcome.value, value, is_stdout)
        for outcome, value in zip(outcomes, oracle.expected, strict=True)
    )
