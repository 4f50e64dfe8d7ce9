"""The probability that a program is right, fitted on pools with known verdicts.

It was fitted on labels, though of other problems, so it is meant for analysing pools. Parts that rank or select by it
declare ``labels: pools``, and training code cannot import it (a test follows the imports).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import exp, log
from statistics import median

from conself.agreement.traces import Agreement
from conself.rankings.consensus import consensus_scores
from conself.records import Pool

FEATURES: Mapping[str, str] = {
    "agreement": "consensus score R: the mean share of outputs that are its own, crashes giving 0",
    "cluster": "share of all candidates with its very trace; 0 of one that crashes on all inputs",
    "crashes": "share of inputs on which it crashes",
    "pool_crashes": "share of all candidates' executions that crash",
    "variety": "distinct outputs as a share of its outputs; 0 without any",
    "inputs": "natural logarithm of the number of inputs",
    "cluster_inputs": "cluster times inputs: agreement on many inputs says more",
    "likelihood": "median NLL per token of the pool minus its own, in nats; 0 where unknown",
}
"""The features of a program, computed without an oracle."""
_MOST = 30.0
"""Log odds are cut here, so that a far-away program overflows nothing."""


def features(pool: Pool, agreement: Agreement) -> list[tuple[float, ...]]:
    """Compute K rows of :data:`FEATURES`, in their order."""
    keys, k = agreement.keys, len(agreement.keys)
    sizes = {index: len(cluster) / k for cluster in agreement.clusters for index in cluster}
    nlls = [candidate.mean_nll for candidate in pool.candidates]
    defined = [nll for nll in nlls if nll is not None]
    usual = median(defined) if defined else 0.0
    cells = sum(map(len, keys))
    pool_crashes = sum(cell is None for row in keys for cell in row) / cells if cells else 1.0
    rows: list[tuple[float, ...]] = []
    for index, (row, score) in enumerate(zip(keys, consensus_scores(keys), strict=True)):
        outputs = [cell for cell in row if cell is not None]
        nll, amount = nlls[index], log(max(len(row), 1))
        cluster = sizes.get(index, 0.0)
        crashes = 1 - len(outputs) / max(len(row), 1)
        variety = len(set(outputs)) / max(len(outputs), 1)
        likelihood = 0.0 if nll is None else usual - nll
        rows.append((score, cluster, crashes, pool_crashes, variety, amount, cluster * amount, likelihood))
    return rows


@dataclass(frozen=True)
class Confidence:
    """Logistic regression: P(right) = 1 / (1 + exp(-(intercept + sum of weights times features))).

    Args:
        intercept: log odds of a program whose features are all 0.
        weights: by name of the feature.
        fitted_on: the pools whose verdicts it was fitted on.

    Raises:
        ValueError: the weights are not those of :data:`FEATURES`.
    """

    intercept: float
    weights: Mapping[str, float]
    fitted_on: Sequence[str] = field(default_factory=tuple)

    def __post_init__(self) -> None:
        if set(self.weights) != set(FEATURES):
            wanted = f"confidence.weights must have a number for each of {', '.join(FEATURES)}"
            raise ValueError(f"{wanted}; got {', '.join(self.weights)}")

    def __call__(self, pool: Pool, agreement: Agreement) -> list[float]:
        """Return K probabilities; 0 for a program that crashes on all inputs."""
        weights = [self.weights[name] for name in FEATURES]
        odds = [
            self.intercept + sum(weight * value for weight, value in zip(weights, row, strict=True))
            for row in features(pool, agreement)
        ]
        return [
            0.0 if crashed else 1 / (1 + exp(-max(-_MOST, min(_MOST, value))))
            for value, crashed in zip(odds, agreement.crashed, strict=True)
        ]


Judged = tuple[Pool, Agreement, Sequence[bool]]
"""A pool, the agreement of its candidates, and their verdicts."""


def fitted(pools: Mapping[str, Sequence[Judged]]) -> Confidence:
    """Fit a confidence to verdicts on pools, each with the same weight, divided equally among its problems.

    Programs that crash on all inputs are left out: they need no fit. Features are standardised for scikit-learn's L2
    penalty (C = 1), and the returned weights are those of the original features.

    Args:
        pools: name -> its problems.

    Raises:
        ValueError: the programs are all right or all wrong.
    """
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    rows, right, counts = [], [], []
    for problems in pools.values():
        for pool, agreement, passed in problems:
            live = [k for k, crashed in enumerate(agreement.crashed) if not crashed]
            rows_of_features = features(pool, agreement)
            rows += [rows_of_features[k] for k in live]
            right += [passed[k] for k in live]
            counts += [1 / (len(problems) * len(agreement.keys))] * len(live)
    if len(set(right)) < 2:
        raise ValueError("a confidence is fitted on right and wrong programs, and these pools have but one kind")
    x = np.asarray(rows, dtype=np.float64)
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale == 0] = 1.0
    weight = np.asarray(counts) * len(counts) / sum(counts)
    model = LogisticRegression(max_iter=1000).fit((x - mean) / scale, right, sample_weight=weight)
    slopes = model.coef_[0] / scale
    intercept = float(model.intercept_[0] - (slopes * mean).sum())
    return Confidence(intercept, dict(zip(FEATURES, map(float, slopes), strict=True)), tuple(pools))
