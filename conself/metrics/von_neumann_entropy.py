"""Von Neumann entropy: the diversity of behaviours that may partly agree."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from conself.agreement.traces import Agreement
from conself.agreement.votes import agreeing, incomplete
from conself.records import Pool, Undefined

_NOISE = 12
"""Decimals that eigenvalues of a K x K matrix of shares are good for: unanimity must come out as exactly 0."""


@dataclass(frozen=True)
class VonNeumannEntropy:
    """-tr(rho log rho) in nats of the agreement kernel of all K candidates, scaled to trace 1.

    rho = A/K with A_kl the share of inputs on which k and l give the same output and A_kk = 1; a crash agrees with
    nothing. This is kernel language entropy (Nikitin et al., arXiv 2405.20003) with agreement in behaviour as the
    kernel. If A holds only 0 and 1 it is the entropy over clusters with crashes as singletons.
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return the entropy in [0, log K], or Undefined without candidates or inputs."""
        if reason := incomplete(agreement.keys):
            return reason
        # Candidates of one behaviour without crashes span one dimension, whose weight is their number: a matrix of
        # distinct behaviours, weighted by sqrt(n n'), has the same eigenvalues but for zeros.
        counts = Counter(row for row in agreement.keys if None not in row)
        rows = [(row, n) for row, n in counts.items()] + [(row, 1) for row in agreement.keys if None in row]
        size = len(rows)
        kernel = np.zeros((size, size))
        for i, (row, n) in enumerate(rows):
            kernel[i, i] = n
            for j, (other, m) in enumerate(rows[:i]):
                kernel[i, j] = kernel[j, i] = agreeing(row, other) / len(row) * np.sqrt(n * m)
        weights = np.linalg.eigvalsh(kernel / len(agreement.keys))
        weights = weights[weights > 10.0**-_NOISE]
        return max(0.0, round(float(-(weights * np.log(weights)).sum()), _NOISE))
