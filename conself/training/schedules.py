"""Learning rates over the steps of a training run, as shares of the peak."""

import math
from collections.abc import Callable
from dataclasses import dataclass

Schedule = Callable[[int], float]
"""The share of the peak learning rate at a step, counted from 0. It must be picklable: processes are handed it."""


@dataclass(frozen=True, slots=True)
class WarmupCosine:
    """Linear warm-up, then half a cosine to 0 at step ``total``.

    Warm-up takes the first w = ceil(warmup_ratio * total) steps: (step + 1) / w, so that every step has an effect.
    """

    total: int
    warmup_ratio: float

    def __call__(self, step: int) -> float:
        """Return the share at ``step`` of ``total``."""
        warmup = math.ceil(self.warmup_ratio * self.total)
        if step < warmup:
            return (step + 1) / warmup
        return 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / (self.total - warmup)))


@dataclass(frozen=True, slots=True)
class WarmupConstant:
    """Linear warm-up over ``warmup`` steps, then the peak: for loops without a known end."""

    warmup: int

    def __call__(self, step: int) -> float:
        """Return the share at ``step``."""
        return min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
