"""Read prompts, with a common beginning of several prompts read only once."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache

from conself.engines.transformers.attention import visible
from conself.engines.transformers.ledger import Request
from conself.engines.transformers.rows import SPAN, RowCache, States, prompt_states, round_up

_LEAST = 4 * SPAN
"""Tokens: to read fewer apart costs more than it saves."""


def shared_length(prompts: Sequence[Sequence[int]]) -> int:
    """Return the number of common first tokens of ``prompts`` that are worth reading once; 0: none.

    A multiple of SPAN, so that rows stay aligned; always less than the shortest prompt.
    """
    if len(prompts) < 2:
        return 0
    shortest = min(map(len, prompts)) - 1
    first = prompts[0]
    common = next((at for at in range(shortest) if any(ids[at] != first[at] for ids in prompts)), shortest)
    return common // SPAN * SPAN if common >= _LEAST else 0


def read(model: PreTrainedModel, requests: Sequence[Request]) -> States:
    """Compute keys and values of every prompt except its last token, at slots 0 .. length-2 of row i for request i.

    Later slots are undefined. Takes one forward pass for the distinct heads, and one for the rest of the prompts, if
    any.
    """
    rows = {head: row for row, head in enumerate(dict.fromkeys(request.head for request in requests))}
    heads = _read_heads(model, list(rows))
    sources = torch.tensor([rows[request.head] for request in requests], device=model.device)
    tails = [request.prompt_ids[len(request.head) : -1] for request in requests]
    if not any(tails):
        return [(keys[sources], values[sources]) for keys, values in heads]
    cache = RowCache(len(requests), heads)
    cache.insert(0, sources, heads)
    width = round_up(max(map(len, tails)))
    starts = torch.tensor([len(request.head) for request in requests], device=model.device)
    last = max(len(request.prompt_ids) for request in requests) - 1
    # Padding on the right: causal attention never looks there, and decoding overwrites it.
    places = (starts[:, None] + torch.arange(width, device=model.device)).clamp_(max=last)
    span = round_up(last + 1)
    cache.aim(places, span)
    model(
        input_ids=_padded(tails, width).to(model.device),
        position_ids=places,
        attention_mask=visible(places, span, model.dtype),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return cache.states(span)


def _read_heads(model: PreTrainedModel, heads: Sequence[Sequence[int]]) -> States:
    longest = max(map(len, heads))
    width = round_up(longest)
    places = torch.arange(width, device=model.device).clamp_(max=longest)  # padding never passes the context
    prefill = DynamicCache()
    model(
        input_ids=_padded(heads, width).to(model.device),
        position_ids=places[None],
        past_key_values=prefill,
        use_cache=True,
        logits_to_keep=1,
    )
    return prompt_states(prefill)


def _padded(texts: Sequence[Sequence[int]], width: int) -> Tensor:
    """Pad texts on the right: [texts, width] int64."""
    ids = torch.zeros(len(texts), width, dtype=torch.int64)
    for row, text in zip(ids, texts, strict=True):
        row[: len(text)] = torch.tensor(text, dtype=torch.int64)
    return ids
