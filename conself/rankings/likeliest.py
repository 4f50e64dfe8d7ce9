"""Likeliest: rank by the model's own likelihood, regardless of behaviour."""

from dataclasses import dataclass
from math import exp
from typing import ClassVar

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.rankings.ranked import Ranked, by_score, chosen, nobody
from conself.records import Pool


@dataclass(frozen=True)
class Likeliest:
    """Rank by likelihood per token, lowest negative log-likelihood first; crashed candidates are ranked like others.

    The weight is the winner's mean probability per token, exp(-NLL), a geometric mean.
    """

    gives_weight: ClassVar[bool] = True

    def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:  # noqa: ARG002
        """Rank by mean NLL. Applies only if all candidates have a likelihood; those of a black-box model have none."""
        total = len(pool.candidates)
        values = [-candidate.mean_nll for candidate in pool.candidates if candidate.mean_nll is not None]
        if len(values) < total:
            return nobody(total, "candidates without log-probabilities", applies=False)
        if not values:
            return nobody(total, "no candidates")
        order = by_score(values, range(total))
        return chosen(order, total, order[0], (), min(exp(values[order[0][0]]), 1.0))
