"""Whether a model can be trained as the settings say, told before the first step."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from conself.training.data import Response, TokenPair
from conself.training.layouts import DistinctLayout, Layout
from conself.training.log_probs import response_log_probs
from conself.training.settings import Training
from conself.training.tuning import Policy

_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}
"""Nats per square root of the number of tokens: 16-bit log-probs differ by that much from batch to batch."""


def check_policy(policy: Policy, settings: Training, pairs: Sequence[TokenPair]) -> None:
    """Choose the attention for the longest row, and try the layout on the shortest problem against the plain model.

    Raises:
        ValueError: the model's own forward pass gives other log-probs: it caps its logits, say, or has no use for masks
            or position ids of ours; or its positions end before ``training.max_length``.
    """
    layout, model = settings.runtime.layout, policy.model
    longest = max(len(response) for pair in pairs for response in pair.responses)
    positions = getattr(model.config, "max_position_embeddings", None)
    if positions is not None and longest > positions + 1:
        raise ValueError(
            f"a prompt with its response takes {longest} tokens, beyond the {positions} positions that "
            f"{type(model).__name__} knows; set training.max_length to {positions}"
        )
    layout.prepare(model, pairs)
    shortest = min(pairs, key=lambda pair: sum(map(len, pair.responses)))
    trial = [pair for pair in pairs if pair.chosen == shortest.chosen][:2]
    with torch.no_grad(), policy.reference():
        if worst := _difference(policy, layout, trial):
            plain = DistinctLayout(layout.token_budget)
            remedy = "such models cannot be trained yet" if _difference(policy, plain, trial) else "set layout=distinct"
            name = type(model).__name__
            raise ValueError(f"{name} gives other log-probs by itself than in this layout ({worst}); {remedy}")


def _difference(policy: Policy, layout: Layout, pairs: Sequence[TokenPair]) -> str:
    """What differs beyond rounding, in words; empty: nothing."""
    (piece, *_) = layout.cut(pairs)
    batch = layout.lay(piece)
    ours = response_log_probs(policy.model, batch, policy.dtype)
    for response, value in zip(batch.responses, ours.tolist(), strict=True):
        own = float(_own_log_prob(policy.model, response, policy.dtype))
        if abs(own - value) > _TOLERANCE[policy.dtype] * math.sqrt(len(response.tokens)):
            return f"{own:.4g} against {value:.4g} nats"
    return ""


def _own_log_prob(model: PreTrainedModel, response: Response, dtype: torch.dtype) -> Tensor:
    """Summed log-prob by the model's own forward pass: [], float32, in nats."""
    n = len(response.tokens)
    ids = torch.tensor([[*response.prompt, *response.tokens[:-1]]], device=model.device)
    with torch.autocast(model.device.type, dtype=dtype, enabled=dtype != torch.float32):
        logits = model(input_ids=ids, use_cache=False, logits_to_keep=n).logits[0]
    return -torch.nn.functional.cross_entropy(
        logits.float(), torch.tensor(response.tokens, device=model.device), reduction="sum"
    )
