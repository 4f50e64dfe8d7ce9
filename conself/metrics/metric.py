"""The contract of a metric."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from conself.agreement.traces import Agreement
from conself.records import Pool, Undefined
from conself.runtime.steps import Steps


class Metric(Protocol):
    """Measures a model's uncertainty about a problem from its candidates; higher is more uncertain.

    The candidates' agreement is computed once and shared by all metrics.
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return the metric's value, finite; or Undefined with a reason."""
        ...


@runtime_checkable
class TextMetric(Protocol):
    """A metric of programs as texts, which is cheaper on many pools at once than one at a time."""

    def over(self, pools: Sequence[Pool]) -> Steps[list[float | Undefined]]:
        """Return its value on each pool; yields the number of programs done since the last step, over all pools."""
