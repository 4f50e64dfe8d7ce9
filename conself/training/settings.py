"""The settings of training, as conf/training/*.yaml spells them out."""

import math
from dataclasses import dataclass

from conself.training.layouts.padded import Layout
from conself.training.policy.export import EXPORTS, MERGED
from conself.training.policy.tuning import Tuning
from conself.training.strategies.distributed import OneDevice, Sharing
from conself.training.strategies.ranks import Ranks

_POSITIVE = ("learning_rate", "epochs", "batch_size", "max_length")


@dataclass(frozen=True, slots=True)
class Runtime:
    """Settings that change speed and memory, not results, and are left out of artifact keys.

    ``device`` is auto, cpu or cuda. ``gradient_checkpointing`` is the share of layers that keep only their input and
    are recomputed. ``checkpoint_share`` is the share of time spent on checkpoints: 1 writes one after each step, null
    none. Several ``devices``, on each of several ``nodes``, share the work by ``strategy``.

    Raises:
        ValueError: a share is outside its range, ``devices`` or ``nodes`` is below 1, or the token budget is too small.
    """

    layout: Layout
    device: str
    devices: int
    nodes: int
    strategy: Sharing
    gradient_checkpointing: float
    checkpoint_share: float | None
    progress: bool

    def __post_init__(self) -> None:
        for name in ("devices", "nodes"):
            if getattr(self, name) < 1:
                raise ValueError(f"training.runtime.{name} is {getattr(self, name)}; it must be at least 1")
        if not 0 <= self.gradient_checkpointing <= 1:
            raise ValueError(
                f"training.runtime.gradient_checkpointing is {self.gradient_checkpointing}; "
                "it must lie between 0 (no layer) and 1 (all layers)"
            )
        if self.layout.token_budget < 1:
            raise ValueError(
                f"training.runtime.layout.token_budget is {self.layout.token_budget}; it must hold the longest pair: "
                "2 x training.max_length is enough"
            )
        if self.checkpoint_share is not None and not 0 < self.checkpoint_share <= 1:
            raise ValueError(
                f"training.runtime.checkpoint_share is {self.checkpoint_share}; "
                "it must be above 0 and at most 1, or null: no checkpoints"
            )

    @property
    def processes(self) -> int:
        """The number of processes that train together."""
        return self.nodes * self.devices


@dataclass(frozen=True, slots=True)
class Training:
    """Tuning, AdamW, schedule and batching; conf/training/base.yaml says what each key does.

    Raises:
        ValueError: a setting is out of its range; the message names its key.
    """

    tuning: Tuning
    export: str
    learning_rate: float
    warmup_ratio: float
    weight_decay: float
    gradient_clip: float | None
    epochs: int
    batch_size: int
    by_problem: bool
    max_length: int
    threads: int | None
    runtime: Runtime

    def __post_init__(self) -> None:
        if self.export not in EXPORTS:
            raise ValueError(f"training.export must be one of {', '.join(EXPORTS)}, got {self.export!r}")
        if self.export != MERGED and self.tuning.adapter() is None:
            raise ValueError(f"training.export={self.export}, but all weights are trained: set training.export=merged")
        for name in _POSITIVE:
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"training.{name} is {getattr(self, name)}; it must be above 0, and finite")
        if self.gradient_clip is not None and not self.gradient_clip > 0:
            raise ValueError(f"training.gradient_clip is {self.gradient_clip}; it must be above 0, or null: never clip")
        if not 0 <= self.warmup_ratio <= 1:
            raise ValueError(f"training.warmup_ratio is {self.warmup_ratio}; it must lie between 0 and 1")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"training.threads is {self.threads}; it must be at least 1, or null: torch's own choice")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"training.weight_decay is {self.weight_decay}; it must be 0 or more, and finite")


def sharing_of(runtime: Runtime, ranks: Ranks) -> Sharing:
    """Return how ``ranks`` share the work: :class:`OneDevice` for a single process."""
    return runtime.strategy if ranks.count > 1 else OneDevice()
