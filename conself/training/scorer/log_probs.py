"""Log-probabilities of response tokens, without holding the logits of all positions at once."""

from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from conself.losses.output import LogProbs
from conself.models.transformers import is_half
from conself.training.micro_batches import MicroBatch
from conself.training.scorer.branch_attention import BY_BRANCH, spans
from conself.training.scorer.visibility import attention_mask


def token_log_probs(model: PreTrainedModel, micro_batch: MicroBatch, dtype: torch.dtype) -> Tensor:
    """Compute log p(token | all before it) of every response token, response after response: [S], in nats.

    In float32; a model in float64, used only in tests, gives float64.

    Only the positions that predict response tokens pass through the head. A 16-bit ``dtype`` computes under autocast,
    so that float32 adapters (and, in full fine-tuning, float32 weights) mix with it.
    """
    device = model.device
    inputs: dict[str, Any] = {name: values.to(device) for name, values in micro_batch.inputs.items()}
    if micro_batch.branches is not None:
        branches = micro_batch.branches.to(device)
        inputs["attention_mask"] = attention_mask(model, branches, dtype)
        if model.config._attn_implementation == BY_BRANCH:
            inputs["branch_spans"] = spans(branches, dtype)
    with torch.autocast(device.type, dtype=dtype, enabled=is_half(dtype)):
        hidden = model.get_decoder()(**inputs, use_cache=False).last_hidden_state
        scored = hidden.flatten(0, 1).index_select(0, micro_batch.scored.to(device))
        return head_log_probs(model.get_output_embeddings(), scored, micro_batch.targets.to(device))


class Scorer(nn.Module):
    """:func:`token_log_probs` as a module's forward pass, around which FSDP can gather both decoder and head."""

    def __init__(self, model: PreTrainedModel, dtype: torch.dtype) -> None:
        super().__init__()
        self.model = model
        self.dtype = dtype

    def forward(self, micro_batch: MicroBatch) -> Tensor:
        """Return [S], float32, in nats."""
        return token_log_probs(self.model, micro_batch, self.dtype)


def response_log_probs(model: PreTrainedModel, micro_batch: MicroBatch, dtype: torch.dtype) -> Tensor:
    """Sum :func:`token_log_probs` over each of ``micro_batch.responses``: [n_responses], float64, in nats."""
    return LogProbs(token_log_probs(model, micro_batch, dtype), micro_batch.lengths).sums()


def head_log_probs(head: nn.Module, hidden: Tensor, targets: Tensor) -> Tensor:
    """Compute log softmax(head(hidden)) at the targets: [S], in nats, in float32 (float64 if ``hidden`` is).

    ``hidden`` is [S, H], ``targets`` [S], int64. Works chunk by chunk, with logits in that dtype. A plain frozen head
    uses :class:`_FrozenHead`; any other (trained, biased, quantised, with an adapter) is recomputed in the backward
    pass instead of keeping its logits.
    """
    size = _rows_per_chunk(hidden, head)
    if is_frozen(head):
        inputs = (hidden.to(head.weight.dtype), head.weight, targets, size)
        values: Tensor = _FrozenHead.apply(*inputs)  # type: ignore[no-untyped-call]
        return values
    parts = zip(hidden.split(size), targets.split(size), strict=True)
    return torch.cat([checkpoint(_plain, head, part, aims, use_reentrant=False) for part, aims in parts])


def is_frozen(head: nn.Module) -> TypeGuard[nn.Linear]:
    """Return whether a head is a plain matrix that is not trained; its log-probs are rounded differently."""
    return type(head) is nn.Linear and head.bias is None and not head.weight.requires_grad


def _plain(head: nn.Module, hidden: Tensor, targets: Tensor) -> Tensor:
    return -nn.functional.cross_entropy(_fine(head(hidden)), targets, reduction="none")


def _fine(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))


def _rows_per_chunk(hidden: Tensor, head: nn.Module) -> int:
    """Return the number of rows whose logits take 64 MB on a CPU, or 256 MB on a GPU (for larger products)."""
    floats = 2**26 if hidden.is_cuda else 2**24
    vocabulary = head.weight.shape[0] if isinstance(head, nn.Linear) else head(hidden[:1]).shape[-1]
    return max(1, floats // int(vocabulary))


class _FrozenHead(torch.autograd.Function):
    """Token log-probs under a head W [V, H] that is not trained, with their derivative computed in the forward pass.

    A token enters the loss only through its log-prob, and d log p[t] / dh = W[t] - p W depends only on values that the
    forward pass already has. So [S, H] is kept for the backward pass instead of [S, V], and W is read twice, not three
    times.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, size: int) -> Tensor:
        dtype = torch.promote_types(hidden.dtype, torch.float32)
        values = torch.empty(targets.shape, dtype=dtype, device=hidden.device)
        slope = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        for start in range(0, len(targets), size):
            span = slice(start, start + size)
            logits = (hidden[span] @ weight.T).to(dtype)
            top = logits.amax(1, keepdim=True)
            aimed = logits.gather(1, targets[span, None])
            total = logits.sub_(top).exp_().sum(1, keepdim=True)
            values[span] = (aimed - top - total.log()).squeeze(1)
            if slope is not None:
                mean_word = (logits.to(weight.dtype) @ weight) / total  # in float32: a sum over words overflows float16
                slope[span] = weight[targets[span]] - mean_word
        ctx.save_for_backward(slope)
        return values

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        (slope,) = ctx.saved_tensors
        return slope * gradients[0][:, None].to(slope.dtype), None, None, None
