"""What a contender is: a step on the same global batch, over and over."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True, slots=True)
class Step:
    """``run`` does one optimiser step and returns its loss; gradients stay on ``model`` until the next."""

    run: Callable[[], float]
    model: nn.Module
