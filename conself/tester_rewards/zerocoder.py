"""ZeroCoder's reward of tests: they agree with a program accepted as right, and kill its mutants."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, pi
from typing import ClassVar

from conself.tester_rewards.tester_reward import Evidence, of_replies

CONVEX, ADD = "convex", "add"
"""How agreement and kills are combined."""


@dataclass(frozen=True)
class ZeroCoder:
    """(1 - w) agree + w agree mutation, with a weight w that rises from ``low`` to ``high`` (arXiv 2604.07864).

    ``agree`` is whether the proxy passes a test. ``mutation`` is the share of its mutants that the test's inputs
    distinguish from it, 0 where there are no mutants. The paper's exact formula is not available; ``gate`` and
    ``combine`` select between its readings.

    Args:
        low: w at the start, see :func:`cosine`.
        high: w at the end.
        gate: whether kills count only for tests that the proxy passes. Otherwise a test with a wrong expected output is
            rewarded for its input.
        combine: ``convex`` as above, or ``add``: agree + w agree mutation.
        unparsable: the reward of a reply that is not in the requested format.

    Raises:
        ValueError: a weight is not in [0, 1], or ``combine`` is neither of the two.
    """

    needs_mutants: ClassVar[bool] = True

    low: float
    high: float
    gate: bool
    combine: str
    unparsable: float

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"tester_reward.{name} must lie in [0, 1], got {getattr(self, name)}")
        if self.combine not in (CONVEX, ADD):
            raise ValueError(f"tester_reward.combine must be {CONVEX} or {ADD}, got {self.combine!r}")

    def __call__(self, evidence: Evidence, progress: float) -> Sequence[float]:
        """Return the reward of each reply: the mean over its columns where it has several."""
        weight = cosine(self.low, self.high, progress)
        agreement = 1.0 if self.combine == ADD else 1.0 - weight
        agree = [float(cell) for cell in evidence.passing.passed[evidence.proxy]]
        killed = mutation_scores(evidence)
        columns = [
            agreement * agreed + weight * (agreed if self.gate else 1.0) * share
            for agreed, share in zip(agree, killed, strict=True)
        ]
        return of_replies(evidence, columns, self.unparsable)


def mutation_scores(evidence: Evidence) -> list[float]:
    """Return the share of mutants that each of M columns kills; 0 where there are no mutants."""
    return [
        sum(row[column] for row in evidence.kills) / max(len(evidence.kills), 1)
        for column in range(evidence.passing.n_tests)
    ]


def cosine(low: float, high: float, progress: float) -> float:
    """Return ``low + (high - low)(1 - cos(pi progress)) / 2``, slow at both ends, for ``progress`` in [0, 1].

    >>> [round(cosine(0.0, 0.5, p), 4) for p in (0, 0.25, 0.5, 0.75, 1)]
    [0.0, 0.0732, 0.25, 0.4268, 0.5]
    """
    return low + (high - low) * (1.0 - cos(pi * progress)) / 2.0
