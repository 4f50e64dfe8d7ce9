"""Code semantic entropy: how widely the candidates' behaviours differ."""

from dataclasses import dataclass

from conself.agreement.traces import Agreement, semantic_entropy
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class CodeSemanticEntropy:
    """H(p): entropy in nats over clusters of live candidates with equal traces (Eq. 2: docs/method.md#clusters).

    Args:
        min_alive: with fewer live candidates H is undefined.

    Raises:
        ValueError: ``min_alive`` is below 1.
    """

    min_alive: int

    def __post_init__(self) -> None:
        if self.min_alive < 1:
            raise ValueError(
                f"metric.min_alive must be at least 1, got {self.min_alive}; docs/method.md#clusters has 3"
            )

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return H(p) in [0, log K], or Undefined."""
        if agreement.n_alive < self.min_alive:
            return Undefined(f"fewer than {self.min_alive} live candidates")
        return semantic_entropy([len(cluster) for cluster in agreement.clusters])
