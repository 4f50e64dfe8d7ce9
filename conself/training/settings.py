"""The settings of training, as conf/training/*.yaml spells them out."""

from dataclasses import dataclass

from conself.training.layouts import Layout

_POSITIVE = ("lora_r", "lora_alpha", "learning_rate", "gradient_clip", "epochs", "batch_size", "max_length")


@dataclass(frozen=True, slots=True)
class Runtime:
    """What changes speed, not results: these stay out of artifact keys. ``device``: auto, cpu or cuda."""

    layout: Layout
    device: str
    progress: bool


@dataclass(frozen=True, slots=True)
class Training:
    """LoRA, AdamW, schedule and batching; conf/training/lora.yaml says what each key does.

    Raises:
        ValueError: a setting is out of its range; the message names its key.
    """

    lora_r: int
    lora_alpha: int
    lora_target: str
    learning_rate: float
    warmup_ratio: float
    weight_decay: float
    gradient_clip: float
    epochs: int
    batch_size: int
    by_problem: bool
    max_length: int
    runtime: Runtime

    def __post_init__(self) -> None:
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise ValueError(f"training.{name} is {getattr(self, name)}; it must be above 0")
        if not 0 <= self.warmup_ratio <= 1:
            raise ValueError(f"training.warmup_ratio is {self.warmup_ratio}; it must lie between 0 and 1")
        if not self.weight_decay >= 0:
            raise ValueError(f"training.weight_decay is {self.weight_decay}; it must not be negative")
