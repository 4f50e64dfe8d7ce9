"""Check that a model can be trained with these settings, before the first step."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from conself.models.transformers import is_half
from conself.training.data import Example, Response
from conself.training.layouts.padded import DistinctLayout, Layout
from conself.training.policy.tuning import Policy
from conself.training.scorer.log_probs import response_log_probs
from conself.training.settings import Training

_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}
"""Nats per square root of the number of tokens: 16-bit log-probs differ by that much from batch to batch."""
_SHARE = {torch.float32: 0.0, torch.bfloat16: 2.0**-6, torch.float16: 2.0**-9}
"""Of the log-prob, on top: logits are rounded in proportion to their size, and unlikely tokens have large differences.

Two unlikely tokens of Qwen2.5-Coder-0.5B had 15.29 nats by themselves and 15.10 laid out, in bfloat16 on a CPU.
"""
_FOREIGN = (AttributeError, IndexError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""The exceptions that model code raises for a mask or position ids that it does not support."""


def check_policy(policy: Policy, settings: Training, examples: Sequence[Example]) -> None:
    """Choose the attention for the longest row, and try the layout on a short problem against the plain model.

    Raises:
        ValueError: an example exceeds the token budget; the model has too few positions for the longest response; or
            its own forward pass gives other log-probs: it caps its logits, for example, or ignores custom masks or
            position ids.
    """
    layout, model = settings.runtime.layout, policy.model
    for example in examples:
        layout.cut([example])  # says so now, and not hours later, if one exceeds the budget
    check_rows(policy, layout, examples)
    trial = _trial(examples)
    with torch.no_grad(), policy.reference():
        if worst := _difference(policy, layout, trial):
            plain = DistinctLayout(layout.token_budget)
            helps = not _difference(policy, plain, trial)
            remedy = "set training/layout=distinct" if helps else "such models cannot be trained yet"
            raise ValueError(f"{type(model).__name__} does not compute {type(layout).__name__}: {worst}; {remedy}")


def check_rows(policy: Policy, layout: Layout, examples: Sequence[Example]) -> None:
    """Choose the attention for the longest row of ``examples``; a choice for earlier, longer rows is kept.

    Raises:
        ValueError: the model has too few positions for the longest response, or does not support such rows.
    """
    model, longest = policy.model, max(len(response) for example in examples for response in example.responses)
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if positions is not None and longest > positions + 1:  # the last token is only predicted
        raise ValueError(
            f"a prompt with its response takes {longest} tokens, beyond the {positions} positions that "
            f"{type(model).__name__} knows; set training.max_length to {positions}"
        )
    layout.prepare(model, examples)


def _trial(examples: Sequence[Example]) -> list[Example]:
    """Build a small trial batch: a prompt with two responses, and two short problems that share another row."""
    example = min(examples, key=lambda example: sum(map(len, example.responses)))
    prompt, tokens = example.prompt, example.responses[0].tokens
    twice = Response(prompt, tokens[:1] * 2)
    short = [Response(prompt[-1:] * n, tokens[:1]) for n in (1, 2)]
    responses = dict.fromkeys([*example.responses, twice, *short])
    return [Example(example.problem_id, example.name, (response,), (1.0,), None) for response in responses]


def _difference(policy: Policy, layout: Layout, examples: Sequence[Example]) -> str:
    """Describe what fails or differs beyond rounding; empty if nothing does."""
    batch = layout.lay(examples)
    try:
        ours = response_log_probs(policy.model, batch, policy.dtype).tolist()
    except torch.OutOfMemoryError:
        raise
    except _FOREIGN as error:
        return f"{type(error).__name__}: {error}"
    for response, value in zip(batch.responses, ours, strict=True):
        own = float(_own_log_prob(policy.model, response, policy.dtype))
        if not abs(own - value) <= tolerance(policy.dtype, len(response.tokens), own):
            return f"by itself it gives a response {own:.6g} nats, laid out {value:.6g}"
    return ""


def tolerance(dtype: torch.dtype, n_tokens: int, log_prob: float) -> float:
    """Return by how many nats the log-prob of a response of ``n_tokens`` may differ through rounding alone."""
    return _TOLERANCE[dtype] * math.sqrt(n_tokens) + _SHARE[dtype] * abs(log_prob)


def _own_log_prob(model: PreTrainedModel, response: Response, dtype: torch.dtype) -> Tensor:
    """Sum the log-probs of the model's own forward pass: [], float32, in nats."""
    n = len(response.tokens)
    ids = torch.tensor([[*response.prompt, *response.tokens[:-1]]], device=model.device)
    with torch.autocast(model.device.type, dtype=dtype, enabled=is_half(dtype)):
        logits = model(input_ids=ids, use_cache=False).logits[0, -n:]
    return -torch.nn.functional.cross_entropy(
        logits.float(), torch.tensor(response.tokens, device=model.device), reduction="sum"
    )
