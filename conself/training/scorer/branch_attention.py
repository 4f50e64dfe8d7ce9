"""Attention over rows where responses share a prompt, part by part: no masked value is computed.

With a dense mask SDPA computes the whole square of a row and discards most of it; a prompt of 350 tokens with four
responses of 130 uses a third of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from conself.training.micro_batches import Branches

BY_BRANCH = "by_branch"


@dataclass(frozen=True, slots=True)
class Span:
    """A prompt and its responses, one after the other in a row: how many columns each has, and a mask per response."""

    row: int
    lengths: tuple[int, ...]
    masks: tuple[Tensor, ...]


def spans(branches: Branches, dtype: torch.dtype) -> tuple[Span, ...]:
    """List the parts of all rows, in order, with a mask [A, P + A] per response of A tokens after P prompt tokens."""
    all_spans = []
    for row in range(len(branches.prompt)):
        keys = torch.stack([branches.prompt[row], branches.response[row]])
        parts, counts = torch.unique_consecutive(keys, dim=1, return_counts=True)
        for _, group in groupby(zip(parts[0].tolist(), counts.tolist(), strict=True), key=itemgetter(0)):
            runs = list(group)
            if runs[0][0] >= 0:  # padding is at the end
                prompt, *responses = (count for _, count in runs)
                masks = tuple(_causal(response, prompt, dtype).to(keys.device) for response in responses)
                all_spans.append(Span(row, (prompt, *responses), masks))
    return tuple(all_spans)


def _causal(new: int, old: int, dtype: torch.dtype) -> Tensor:
    return torch.full((new, old + new), -torch.inf, dtype=dtype).triu_(old + 1)


def _by_branch(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    branch_spans: tuple[Span, ...] | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Compute attention for transformers' layers: [B, heads, T, D] to [B, T, heads, D]; padding gives 0.

    Without spans (a forward pass of plain sequences) it is transformers' own SDPA.
    """
    if branch_spans is None:
        plain: tuple[Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, scaling=scaling, **options
        )
        return plain
    rows = [
        _row(*tensors, [span for span in branch_spans if span.row == number], scaling)
        for number, tensors in enumerate(zip(query.split(1), key.split(1), value.split(1), strict=True))
    ]
    return torch.cat(rows).transpose(1, 2), None


def _row(query: Tensor, key: Tensor, value: Tensor, row: Sequence[Span], scaling: float | None) -> Tensor:
    """Compute attention of one row: [1, heads, T, D] to [1, heads, T, D].

    Its parts come from one ``split``, since each slice on its own would write a whole row of zeros on the way back.
    """
    lengths = [length for span in row for length in span.lengths]
    lengths.append(query.shape[2] - sum(lengths))
    parts = zip(*(tensor.split(lengths, 2) for tensor in (query, key, value)), strict=True)
    outputs = []
    for span in row:
        q, old_k, old_v = next(parts)
        outputs.append(_sdpa(q, old_k, old_v, scale=scaling, is_causal=True))
        for mask in span.masks:
            q, k, v = next(parts)
            seen_k, seen_v = torch.cat([old_k, k], 2), torch.cat([old_v, v], 2)
            outputs.append(_sdpa(q, seen_k, seen_v, scale=scaling, attn_mask=mask))
    return nn.functional.pad(torch.cat(outputs, 2), (0, 0, 0, lengths[-1]))


def _sdpa(query: Tensor, key: Tensor, value: Tensor, **options: Any) -> Tensor:
    grouped = query.shape[1] != key.shape[1]
    return nn.functional.scaled_dot_product_attention(query, key, value, enable_gqa=grouped, **options)


AttentionInterface.register(BY_BRANCH, _by_branch)
AttentionMaskInterface.register(BY_BRANCH, sdpa_mask)
