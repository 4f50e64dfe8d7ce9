"""Memory per stage, in bytes. Formulas; the activations' coefficients are measured (see :func:`activation_bytes`)."""

import math

from experiments.paper_scale.backbones import Backbone
from experiments.paper_scale.work import GIB, Machine, Work

CONTEXT_BYTES = 1.5 * GIB
"""A: CUDA's context, cuBLAS's work space, an engine's graphs."""
LOGITS_AT_ONCE = 2**26
"""Logits of one chunk of the head on a GPU (conself/training/scorer/log_probs.py)."""
FRAGMENTATION = 1.05
"""A: what PyTorch's allocator holds beside what is asked of it."""


def sequences_at_once(model: Backbone, work: Work, machine: Machine, quantization: str | None = None) -> int:
    """Samples whose keys and values fit beside the weights, at most ``machine.sequences``; 0 where none does.

    The samples of one request share the keys and values of its prompt.
    """
    room = machine.memory_gb * 1e9 * machine.utilization - model.weight_bytes(quantization) - CONTEXT_BYTES
    prompt = work.prompt_tokens + work.observation_tokens / work.observations
    own = prompt / work.programs + work.program_tokens
    return max(0, min(machine.sequences, math.floor(room / (own * model.kv_bytes))))


def activation_bytes(model: Backbone, rank: int) -> int:
    """What autograd keeps per token of one layer: bf16 base, float32 LoRA on all matrices, autocast.

    24 H + 8 I + 4 K are least squares over seven small Qwen2 layers (hidden H, intermediate I, keys K), counted with
    saved-tensor hooks on a CPU, exact to the byte; the inputs of seven LoRA matrices follow.
    """
    return 24 * model.hidden + 8 * model.intermediate + 4 * model.kv_width + 7 * 2 * rank


def training_bytes(
    model: Backbone, work: Work, token_budget: int, checkpointing: bool, quantization: str | None = None
) -> dict[str, float]:
    """Bytes by purpose for micro-batches of ``token_budget`` tokens, as if all of them were responses'."""
    layer = activation_bytes(model, work.rank) * token_budget
    return {
        "weights": model.weight_bytes(quantization),
        "adapter": 16.0 * model.lora(work.rank),  # float32: weights, gradients, two moments of AdamW
        "activations": 2.0 * model.hidden * token_budget * model.layers + layer
        if checkpointing
        else layer * model.layers,
        # A chunk of logits in float32 and once more in 16 bits; of every position the slope that the way back wants.
        "head": 6.0 * min(token_budget * model.vocab, LOGITS_AT_ONCE) + 2.0 * token_budget * model.hidden,
        "context": CONTEXT_BYTES,
    }


def total(parts: dict[str, float]) -> float:
    """The sum, with what the allocator wastes."""
    return sum(parts.values()) * FRAGMENTATION


def largest_budget(
    model: Backbone, work: Work, machine: Machine, checkpointing: bool, quantization: str | None = None
) -> int:
    """The largest token budget, a multiple of 1,024 up to 65,536, that fits; 0 where not even 1,024 does."""
    fitting = [
        budget
        for budget in range(1024, 65_537, 1024)
        if total(training_bytes(model, work, budget, checkpointing, quantization)) <= machine.memory_gb * 1e9
    ]
    return max(fitting, default=0)
