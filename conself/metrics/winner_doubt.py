"""Winner's doubt: how much of the pool disagrees with the consensus winner."""

from dataclasses import dataclass

from conself.agreement.traces import Agreement
from conself.agreement.votes import incomplete, votes
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class WinnerDoubt:
    """1 - the highest consensus score, with votes counted among all K candidates.

    1 - max_k (1/M) sum_j n_j(E_k[j])/K, n_j(v) the candidates that give output v on input j (docs/method.md#consensus,
    whose denominator |V_j| leaves out crashes: there one program that runs while fourteen crash has no doubt).
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return the doubt in [0, 1], or Undefined without candidates or inputs."""
        keys = agreement.keys
        if reason := incomplete(keys):
            return reason
        columns, total = votes(keys), len(keys) * len(keys[0])
        support = [sum(n[cell] for cell, n in zip(row, columns, strict=True) if cell is not None) for row in set(keys)]
        return (total - max(support)) / total
