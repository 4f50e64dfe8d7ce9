"""A plain loop over Hugging Face's model: pad the pairs, take all logits, log-softmax, gather."""

from collections.abc import Sequence

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor, nn
from transformers import PreTrainedModel

from conself.training.data import Example, Response
from experiments.training_speed.models import Place, set_adapter
from experiments.training_speed.settings import BETA, LORA_ALPHA, LORA_R, RATE
from experiments.training_speed.steps import Step


def prepare(
    model: PreTrainedModel, pairs: Sequence[Example], batch: int, place: Place, seed: int, online: bool
) -> Step:
    """``batch`` pairs at a time; the reference is computed beforehand, or in every step when ``online``."""
    lora = LoraConfig(r=LORA_R, lora_alpha=LORA_ALPHA, lora_dropout=0.0, target_modules="all-linear")
    policy = get_peft_model(model, lora)
    set_adapter(policy, seed)
    if place.checkpointing:
        policy.enable_input_require_grads()
        policy.gradient_checkpointing_enable({"use_reentrant": False})
        policy.train()
    optimizer = torch.optim.AdamW([p for p in policy.parameters() if p.requires_grad], RATE, weight_decay=0.0)
    longest = sorted(pairs, key=lambda pair: -max(map(len, pair.responses)))
    parts = [_rows(longest[start : start + batch], policy.device) for start in range(0, len(pairs), batch)]

    def reference(part: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        with torch.no_grad(), policy.disable_adapter():
            return _log_probs(policy, *part, place)

    cached = [None if online else reference(part) for part in parts]

    def step() -> float:
        optimizer.zero_grad()
        total = 0.0
        for part, known in zip(parts, cached, strict=True):
            ratio = _log_probs(policy, *part, place) - (reference(part) if known is None else known)
            chosen, rejected = ratio.chunk(2)
            loss = -nn.functional.logsigmoid(BETA * (chosen - rejected)).sum() / len(pairs)
            loss.backward()
            total += loss.item()
        optimizer.step()
        return total

    return Step(step, policy)


def _rows(pairs: Sequence[Example], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, attention mask and mask of the scored tokens [2N, T]: winners, then losers."""
    losers = [pair.responses[1] for pair in pairs]
    responses: list[Response] = [pair.responses[0] for pair in pairs] + losers
    width = max(map(len, responses))
    ids, seen, scored = (torch.zeros(len(responses), width, dtype=torch.int64) for _ in range(3))
    for row, response in enumerate(responses):
        ids[row, : len(response)] = torch.tensor([*response.prompt, *response.tokens])
        seen[row, : len(response)] = 1
        scored[row, len(response.prompt) : len(response)] = 1
    return ids.to(device), seen.to(device), scored.to(device)


def _log_probs(policy: nn.Module, ids: Tensor, seen: Tensor, scored: Tensor, place: Place) -> Tensor:
    """Summed log-probs [2N] of the scored tokens."""
    with torch.autocast(place.device, dtype=place.dtype, enabled=place.dtype != torch.float32):
        logits = policy(input_ids=ids, attention_mask=seen, use_cache=False).logits
    per_token = logits[:, :-1].float().log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    summed: Tensor = (per_token * scored[:, 1:]).sum(-1)
    return summed
