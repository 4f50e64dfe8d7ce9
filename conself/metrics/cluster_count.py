"""Cluster count: how many different behaviours the candidates show."""

from dataclasses import dataclass

from conself.agreement.traces import Agreement
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class ClusterCount:
    """The number of clusters of live candidates with equal traces, after Sharma and David (arXiv 2502.11620).

    They distinguish programs by symbolic execution; here the problem's inputs do so. Unlike the other metrics it is 1,
    not 0, if all candidates agree.

    Args:
        min_alive: with fewer live candidates the metric is undefined.

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
        """Return the number, 1 to K, or Undefined."""
        if agreement.n_alive < self.min_alive:
            return Undefined(f"fewer than {self.min_alive} live candidates")
        return float(len(agreement.clusters))
