"""AUC, Spearman and the winner's accuracy under each rule, and differences to the method's own rule with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

from conself.agreement.comparison import Comparison
from conself.agreement.traces import Agreement, Keys, agreement_of, semantic_entropy
from conself.rankings.consensus import by_consensus
from conself.records import Pool

RULES = {
    f"{numbers}, {floats}": Comparison(
        list_equals_tuple=True, numbers=numbers, floats=floats, float_digits=6, split_whitespace=True
    )
    for numbers in ("by_type", "by_value")
    for floats in ("digits", "tolerance")
}
BASE = "by_type, digits"
RESAMPLES = 1000
FIGURES = ("AUC", "Spearman", "winner accuracy")


@dataclass(frozen=True)
class Judged:
    """A pool with a verdict on each of its candidates."""

    pool: Pool
    passed: Sequence[bool]


def compare(problems: Sequence[Judged], keys: Mapping[str, Sequence[Keys]], seed: int) -> dict[str, Any]:
    """The figures of every rule on one pool of problems.

    Returns:
        rule -> problems whose clusters are others than under ``BASE``, and figure -> value, and its difference to
        ``BASE`` with a 95 % percentile bootstrap interval over problems, the same resamples for all rules.
    """
    rates = np.array([np.mean(problem.passed) for problem in problems])
    agreed = {rule: [agreement_of(rows) for rows in found] for rule, found in keys.items()}
    entropy = {rule: np.array([_entropy(each) for each in found]) for rule, found in agreed.items()}
    right = {rule: np.array([_wins(p, each) for p, each in zip(problems, agreed[rule], strict=True)]) for rule in keys}
    rng = np.random.default_rng(seed)
    samples = [rng.integers(0, len(problems), len(problems)) for _ in range(RESAMPLES)]
    whole = np.arange(len(problems))
    base = [_figures(rates, entropy[BASE], right[BASE], sample) for sample in samples]
    found: dict[str, Any] = {}
    for rule in keys:
        values = _figures(rates, entropy[rule], right[rule], whole)
        differences = values - _figures(rates, entropy[BASE], right[BASE], whole)
        resampled = np.array([_figures(rates, entropy[rule], right[rule], sample) for sample in samples]) - base
        low, high = np.nanpercentile(resampled, (2.5, 97.5), axis=0)
        others = sum(a.clusters != b.clusters for a, b in zip(agreed[rule], agreed[BASE], strict=True))
        found[rule] = {"problems": len(problems), "other clusters": others}
        for name, value, difference, least, most in zip(FIGURES, values, differences, low, high, strict=True):
            found[rule][name] = {"value": float(value), "difference": [float(difference), float(least), float(most)]}
    return found


def _entropy(agreed: Agreement) -> float:
    """Code semantic entropy; nan where every candidate crashed."""
    return semantic_entropy([len(cluster) for cluster in agreed.clusters]) if agreed.clusters else np.nan


def _wins(problem: Judged, agreed: Agreement) -> bool:
    winner = by_consensus(agreed).winner if agreed.n_alive else None
    return winner is not None and problem.passed[winner]


def _figures(
    rates: NDArray[np.float64], entropy: NDArray[np.float64], right: NDArray[np.bool_], sample: NDArray[np.int64]
) -> NDArray[np.float64]:
    """AUC of solvable problems by -H, Spearman of H and pass rate, share of winners that are right; nan: no meaning."""
    known = sample[~np.isnan(entropy[sample])]
    solvable, values = rates[known] > 0, np.round(entropy[known], 10)
    auc = roc_auc_score(solvable, -values) if 0 < solvable.sum() < len(known) else np.nan
    return np.array([auc, spearmanr(values, rates[known]).statistic, right[sample].mean()])


def table(found: dict[str, Any]) -> str:
    """Markdown: a row per pool and rule."""
    head = ["pool", "numbers, floats", "other clusters", *FIGURES]
    rows = [head, ["---"] * len(head)]
    for pool, rules in found.items():
        for rule, figures in rules.items():
            cells = [_cell(figures[name], is_base=rule == BASE) for name in FIGURES]
            rows.append([pool, rule, f"{figures['other clusters']} of {figures['problems']}", *cells])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _cell(figure: dict[str, Any], is_base: bool) -> str:
    difference, low, high = figure["difference"]
    return (
        f"{figure['value']:.4f}" if is_base else f"{figure['value']:.4f} ({difference:+.4f}, {low:+.4f} to {high:+.4f})"
    )
