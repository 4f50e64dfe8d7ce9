"""Token entropy: how undecided the model is at each token."""

from dataclasses import dataclass
from statistics import fmean

from conself.agreement.traces import Agreement
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class TokenEntropy:
    """Entropy of the next-token distribution in nats: mean over tokens, then over all K candidates, crashed included.

    The sampler records it over the top ``entropy_top_k`` tokens, renormalised.
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return the mean, or Undefined if a candidate has no token entropies (a black-box model)."""
        values = [c.mean_token_entropy for c in pool.candidates if c.mean_token_entropy is not None]
        if not values or len(values) < len(pool.candidates):
            return Undefined("candidates without token entropies")
        return fmean(values)
