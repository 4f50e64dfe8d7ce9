"""Advantages: how much better each rollout did than the mean of its group."""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean

_EPSILON = 1e-4
"""Added to the deviation, as TRL does; without it a group of nearly equal rewards would have advantages beyond use."""


def advantages(rewards: Sequence[float], scale: bool) -> tuple[float, ...] | None:
    """Compute ``(r - mean) / (deviation + 1e-4)`` for each reward of a group, with the sample deviation (n - 1).

    Without ``scale`` the mean is only subtracted (Dr. GRPO, arXiv 2503.20783). None if all rewards are exactly equal:
    such a group carries no signal and must leave the batch, with its tokens excluded from every mean.

    >>> [round(a, 4) for a in advantages([1, 0, 0, 1], scale=True)]
    [0.8659, -0.8659, -0.8659, 0.8659]
    >>> advantages([0.5, 0.5], scale=True) is None
    True

    Raises:
        ValueError: there are no rewards.
    """
    if not rewards:
        raise ValueError("a group needs at least one rollout, got none")
    if all(reward == rewards[0] for reward in rewards):
        return None
    mean = fmean(rewards)
    deviation = sqrt(sum((reward - mean) ** 2 for reward in rewards) / (len(rewards) - 1))
    return tuple((reward - mean) / (deviation + _EPSILON if scale else 1.0) for reward in rewards)
