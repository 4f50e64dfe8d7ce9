"""Negative log-likelihood: how unlikely the model finds its own completions."""

from dataclasses import dataclass
from statistics import fmean

from conself.agreement.traces import Agreement
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class NLL:
    """Negative log-likelihood in nats per token: mean over tokens, then over all K candidates, crashed included."""

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return the mean, or Undefined if a candidate has no log-probabilities (a black-box model)."""
        values = [candidate.mean_nll for candidate in pool.candidates if candidate.mean_nll is not None]
        if not values or len(values) < len(pool.candidates):
            return Undefined("candidates without log-probabilities")
        return fmean(values)
