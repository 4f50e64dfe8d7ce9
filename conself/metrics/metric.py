"""What a metric is."""

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from conself.agreement.traces import Agreement
from conself.records import Pool, Undefined
from conself.runtime.steps import Steps


class Metric(Protocol):
    """How uncertain a model is about a problem, by its candidates; higher is more uncertain.

    What a metric needs of the candidates' behaviour has been worked out once, for all metrics: the agreement.
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """The metric's value, finite; or Undefined, and why."""
        ...


@runtime_checkable
class TextMetric(Protocol):
    """A metric of programs as texts, which is cheaper on many pools at once than on one after the other."""

    def over(self, pools: Sequence[Pool]) -> Steps[list[float | Undefined]]:
        """Its value on each pool; yields how many more programs are done, all pools' together."""
