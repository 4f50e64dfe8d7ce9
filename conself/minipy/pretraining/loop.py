"""The training loop of the seed model: next-token loss, AdamW, warm-up and cosine, in plain torch."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import Qwen2ForCausalLM

from conself.minipy.pretraining.data import Batch
from conself.minipy.pretraining.model import parameter_groups
from conself.runtime.console import new_console
from conself.runtime.progress import Meter

_TAIL = 0.05  # share of the steps, at the start and at the end, over which the reported losses are taken


@dataclass(frozen=True)
class Optimisation:
    """AdamW with ``betas`` and ``weight_decay``; the rate rises over ``warmup`` steps, then falls as a cosine to 0.

    A prompt token counts ``prompt_weight`` of a completion token in the loss; gradients are clipped to norm ``clip``.
    """

    learning_rate: float
    betas: tuple[float, float]
    weight_decay: float
    warmup: int
    clip: float
    prompt_weight: float


@dataclass(frozen=True)
class Fit:
    """The figures of a pre-training run.

    Losses are in nats, on program completions only, each read before the step that trains on it: ``code_loss`` per
    token and ``program_loss`` per program are means over the last 5 % of the steps, ``first_code_loss`` per token over
    the first 5 %. ``tokens`` excludes padding; ``seconds`` is wall time.
    """

    steps: int
    tokens: int
    seconds: float
    first_code_loss: float
    code_loss: float
    program_loss: float


def token_losses(model: Qwen2ForCausalLM, ids: Tensor) -> Tensor:
    """Compute -log p(ids[:, 1:]) under ``model``: ids [B, T] int64, right-padded -> [B, T - 1] float32, in nats.

    No attention mask: attention is causal, so the text before the padding never sees it.
    """
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    logits = model.lm_head(hidden)
    return cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none").view(hidden.shape[:2])


def rate(step: int, steps: int, warmup: int) -> float:
    """Learning rate of 0-based ``step`` as a share of the peak: linear warm-up, then a cosine to 0 at ``steps``."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))


def fit(model: Qwen2ForCausalLM, epoch: Sequence[Batch], optimisation: Optimisation) -> Fit:
    """Train ``model`` in place, one step per batch, and show the progress."""
    steps = len(epoch)
    warmup = min(optimisation.warmup, steps // 2)
    optimizer = torch.optim.AdamW(
        parameter_groups(model, optimisation.weight_decay),
        lr=optimisation.learning_rate,
        betas=optimisation.betas,
        fused=True,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate(step, steps, warmup))
    log: list[Tensor] = []
    tokens, start = 0, time.perf_counter()
    model.train()
    with Meter(new_console(), "pre-training", steps, "steps", "tok") as meter:
        for batch in epoch:
            losses = token_losses(model, batch.ids)
            weights = batch.in_text * optimisation.prompt_weight + batch.in_completion * (
                1.0 - optimisation.prompt_weight
            )
            ((losses * weights).sum() / weights.sum()).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), optimisation.clip)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            schedule.step()
            log.append(_code_sums(losses.detach(), batch))
            read = int(batch.in_text.sum()) + len(batch.ids)
            tokens += read
            meter.note = f"code loss {_mean(log[-50:])[0]:.3f}"
            meter.add(1, read)
    model.eval()
    tail = max(1, round(_TAIL * steps))
    code_loss, program_loss = _mean(log[-tail:])
    return Fit(steps, tokens, time.perf_counter() - start, _mean(log[:tail])[0], code_loss, program_loss)


def _code_sums(losses: Tensor, batch: Batch) -> Tensor:
    """[3]: nats, tokens and programs of a batch's program completions."""
    inside = batch.in_program
    return torch.stack([(losses * inside).sum(), inside.sum(), inside.any(dim=1).sum()]).double()


def _mean(log: Sequence[Tensor]) -> tuple[float, float]:
    """Compute nats per token and per program over the logged batches; NaN without programs."""
    nats, tokens, programs = torch.stack(list(log)).sum(dim=0).tolist()
    return (nats / tokens, nats / programs) if programs else (math.nan, math.nan)
