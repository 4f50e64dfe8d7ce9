"""Whether a model can be trained as the settings say, told before the first step."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from conself.training.data import Response, TokenPair
from conself.training.layouts.padded import DistinctLayout, Layout
from conself.training.policy.tuning import Policy
from conself.training.scorer.log_probs import response_log_probs
from conself.training.settings import Training

_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}
"""Nats per square root of the number of tokens: 16-bit log-probs differ by that much from batch to batch."""
_FOREIGN = (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""What model code raises when it is handed a mask or position ids that it was not written for."""


def check_policy(policy: Policy, settings: Training, pairs: Sequence[TokenPair]) -> None:
    """Choose the attention for the longest row, and try the layout on a short problem against the plain model.

    Raises:
        ValueError: a pair exceeds the token budget; the model's positions end before its longest response does; or its
            own forward pass gives other log-probs: it caps its logits, say, or has no use for masks or position ids
            of ours.
    """
    layout, model = settings.runtime.layout, policy.model
    for pair in pairs:
        layout.cut([pair])  # says so now, and not hours later, if one exceeds the budget
    _check_positions(model, max(len(response) for pair in pairs for response in pair.responses))
    layout.prepare(model, pairs)
    trial = _trial(pairs)
    with torch.no_grad(), policy.reference():
        if worst := _difference(policy, layout, trial):
            plain = DistinctLayout(layout.token_budget)
            remedy = "such models cannot be trained yet" if _difference(policy, plain, trial) else "set layout=distinct"
            raise ValueError(f"{type(model).__name__} does not compute {type(layout).__name__}: {worst}; {remedy}")


def _check_positions(model: PreTrainedModel, longest: int) -> None:
    """The last token is only predicted, so it needs no position."""
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if positions is not None and longest > positions + 1:
        raise ValueError(
            f"a prompt with its response takes {longest} tokens, beyond the {positions} positions that "
            f"{type(model).__name__} knows; set training.max_length to {positions}"
        )


def _trial(pairs: Sequence[TokenPair]) -> list[TokenPair]:
    """What may go wrong, in little: a prompt with two responses, and two short problems that fit into one more row."""
    pair = min(pairs, key=lambda pair: sum(map(len, pair.responses)))
    prompt, tokens = pair.chosen.prompt, pair.chosen.tokens
    twice = Response(prompt, tokens[:1] * 2)
    short = [Response(prompt[-1:] * n, tokens[:1]) for n in (1, 2)]
    responses = dict.fromkeys([*pair.responses, twice, *short])
    return [TokenPair(pair.problem_id, pair.name, response, None, 1.0) for response in responses]


def _difference(policy: Policy, layout: Layout, pairs: Sequence[TokenPair]) -> str:
    """What fails, or differs beyond rounding, in words; empty: nothing."""
    batch = layout.lay(pairs)
    try:
        ours = response_log_probs(policy.model, batch, policy.dtype).tolist()
    except torch.OutOfMemoryError:
        raise
    except _FOREIGN as error:
        return f"{type(error).__name__}: {error}"
    for response, value in zip(batch.responses, ours, strict=True):
        own = float(_own_log_prob(policy.model, response, policy.dtype))
        if not abs(own - value) <= _TOLERANCE[policy.dtype] * math.sqrt(len(response.tokens)):
            return f"by itself it gives a response {own:.6g} nats, laid out {value:.6g}"
    return ""


def _own_log_prob(model: PreTrainedModel, response: Response, dtype: torch.dtype) -> Tensor:
    """Summed log-prob by the model's own forward pass: [], float32, in nats."""
    n = len(response.tokens)
    ids = torch.tensor([[*response.prompt, *response.tokens[:-1]]], device=model.device)
    with torch.autocast(model.device.type, dtype=dtype, enabled=dtype != torch.float32):
        logits = model(input_ids=ids, use_cache=False).logits[0, -n:]
    return -torch.nn.functional.cross_entropy(
        logits.float(), torch.tensor(response.tokens, device=model.device), reduction="sum"
    )
