"""Weighted semantic entropy: entropy over behaviours, weighted by the likelihoods of their texts."""

from dataclasses import dataclass

import numpy as np

from conself.agreement.traces import Agreement
from conself.agreement.votes import incomplete
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class WeightedSemanticEntropy:
    """Entropy in nats over clusters c with p(c) proportional to sum over members of exp(-mean NLL), all K candidates.

    Semantic entropy with likelihoods (Farquhar et al., Nature 630, 2024, eq. 5), normalised by length as in Kuhn et al.
    (arXiv 2302.09664), while other metrics here are its discrete form: each candidate has the same weight. Clusters are
    those of partial semantic entropy: a candidate that crashes on any input is its own cluster.
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return the entropy in [0, log K]; Undefined without candidates, inputs or all log-probabilities."""
        if reason := incomplete(agreement.keys):
            return reason
        nll = [candidate.mean_nll for candidate in pool.candidates if candidate.mean_nll is not None]
        if len(nll) < len(pool.candidates):
            return Undefined("candidates without log-probabilities")
        from scipy.special import entr

        weights = np.exp(min(nll) - np.array(nll))
        shares: dict[object, float] = {}
        for index, (row, weight) in enumerate(zip(agreement.keys, weights, strict=True)):
            cluster = index if None in row else row
            shares[cluster] = shares.get(cluster, 0.0) + float(weight)
        if len(shares) == 1:
            return 0.0
        p = np.array(sorted(shares.values()))
        p /= p.sum()
        return float(entr(p).sum())  # 0 for a share that is too small for a float
