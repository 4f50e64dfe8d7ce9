"""Floating-point operations of one step, by formula, and what GPUs can do."""

from collections.abc import Sequence

from conself.training.data import Example
from experiments.training_speed.settings import LORA_R, Shape

# Dense bf16 operations per second by the makers' data sheets, by a part of torch's name of the device.
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "RTX 4090": 165e12}


def peak(device: str) -> float | None:
    """What a GPU does at most, None where the table has no such name."""
    return next((value for name, value in PEAKS.items() if name in device), None)


def lora_weights(shape: Shape) -> int:
    """Weights of LoRA on all linear maps of the layers."""
    kv = shape.hidden * shape.kv_heads // shape.heads
    sides = 4 * shape.hidden + 2 * (shape.hidden + kv) + 3 * (shape.hidden + shape.feed)
    return shape.layers * LORA_R * sides


def model_flops(shape: Shape, pairs: Sequence[Example]) -> float:
    """What a step on ``pairs`` takes if every prompt and every response is computed once (and nothing twice).

    Frozen weights: 2 per token forward and 2 for the gradient of their input; the adapter 2 more for its own gradient;
    the head the same as frozen weights, at response tokens; attention 4 x hidden x seen tokens per layer forward, twice
    that on the way back. Utilisation is that over seconds and peak, so that no layout is paid for repeating itself.
    """
    prompts = {pair.prompt for pair in pairs}
    responses = {response for pair in pairs for response in pair.responses}
    tokens = sum(map(len, prompts)) + sum(len(response.tokens) - 1 for response in responses)
    scored = sum(len(response.tokens) for response in responses)
    seen = sum(len(prompt) ** 2 / 2 for prompt in prompts)
    seen += sum(len(r.tokens) * (len(r.prompt) + len(r.tokens) / 2) for r in responses)
    linear = tokens * (4 * shape.body + 6 * lora_weights(shape)) + 4 * scored * shape.head
    return linear + 12 * shape.layers * shape.hidden * seen


def token_ratio(pairs: Sequence[Example]) -> float:
    """Tokens of the pairs as two sequences each, over those with prompts and winners computed once."""
    prompts = {pair.prompt for pair in pairs}
    responses = {response for pair in pairs for response in pair.responses}
    twice = sum(len(response) for pair in pairs for response in pair.responses)
    return twice / (sum(map(len, prompts)) + sum(len(response.tokens) for response in responses))
