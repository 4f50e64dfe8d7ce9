"""With all weights 1, Con-DPO is the DPO of TRL 1.16: the same loss, the same gradients, in every layout."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from conself.losses.con_dpo import ConDPO
from conself.losses.output import LogProbs
from conself.training.data import Example
from conself.training.device_learner import signal_of
from conself.training.layouts.padded import Layout
from conself.training.scorer.log_probs import token_log_probs
from tests.training.training_world import LORA, layouts, lora_policy, tiny_qwen, token_pairs, word_tokenizer

pytest.importorskip("trl", reason="TRL is not installed: pip install -c constraints.txt -e '.[trl]'")
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

BETA = 0.3
LORA_B = 0.05  # with LoRA's second factor at 0, the policy would be the reference and every loss log 2
PAIRS = [replace(pair, signal=(1.0, 0.0)) for pair in token_pairs([3, 1, 2], seed=5)]


class Tokenised(DPOTrainer):  # type: ignore[misc]  # TRL ships no types
    """Takes token ids as they are: the boundary between prompt and response is none of its business here."""

    def _prepare_dataset(self, dataset: Dataset, *_: object) -> Dataset:
        return dataset


def by_trl(pairs: Sequence[Example], folder: Path, precompute: bool) -> tuple[float, list[Tensor]]:
    """Loss and gradients of one training step of TRL's on all pairs at once."""
    rows = [
        {"prompt_ids": pair.prompt, "chosen_ids": pair.responses[0].tokens, "rejected_ids": pair.responses[1].tokens}
        for pair in pairs
    ]
    options: dict[str, Any] = {"use_cpu": True, "bf16": False, "gradient_checkpointing": False, "report_to": "none"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CI", "true")  # TRL then tells nobody about it
        trainer = Tokenised(
            tiny_qwen(),
            args=DPOConfig(str(folder), beta=BETA, max_length=None, precompute_ref_log_probs=precompute, **options),
            train_dataset=Dataset.from_list(rows),
            processing_class=word_tokenizer(),
            peft_config=LORA.config(),
        )
    factors = lora(trainer.model)
    ours = lora(lora_policy(tiny_qwen(), lora_b=LORA_B).model)
    with torch.no_grad():
        for name, factor in factors.items():
            factor.copy_(ours[name])
    trainer.current_gradient_accumulation_steps = 1
    batch = trainer.data_collator(list(trainer.train_dataset))
    loss = trainer.training_step(trainer.model.train(), batch)
    return float(loss), gradients(factors)


def by_us(pairs: Sequence[Example], layout: Layout) -> tuple[float, list[Tensor]]:
    """The same by Con-DPO, piece by piece as the layout cuts them."""
    policy, total = lora_policy(tiny_qwen(), lora_b=LORA_B), 0.0
    layout.prepare(policy.model, pairs)
    for piece in layout.cut(pairs):
        batch = layout.lay(piece)
        with torch.no_grad(), policy.reference():
            reference = LogProbs(token_log_probs(policy.model, batch, policy.dtype), batch.lengths)
        values = LogProbs(token_log_probs(policy.model, batch, policy.dtype), batch.lengths)
        loss = ConDPO(BETA)(values, reference, signal_of(batch)).losses.sum() / len(pairs)
        loss.backward()
        total += loss.item()
    return total, gradients(lora(policy.model))


def lora(model: nn.Module) -> dict[str, nn.Parameter]:
    """The factors by their names from the layers on, whatever wraps the model."""
    return {name[name.index("layers.") :]: p for name, p in sorted(model.named_parameters()) if p.requires_grad}


def gradients(factors: dict[str, nn.Parameter]) -> list[Tensor]:
    return [factor.grad for _, factor in sorted(factors.items()) if factor.grad is not None]


@pytest.fixture(scope="module", params=[False, True], ids=["online reference", "precomputed reference"])
def theirs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[float, list[Tensor]]:
    return by_trl(PAIRS, tmp_path_factory.mktemp("trl"), precompute=request.param)


@pytest.mark.parametrize("budget", [64, 10_000], ids=["many pieces", "one piece"])
@pytest.mark.parametrize("name", layouts(1))
def test_loss_and_gradients_are_those_of_trl(name: str, budget: int, theirs: tuple[float, list[Tensor]]) -> None:
    layout = layouts(budget)[name]
    assert (len(layout.cut(PAIRS)) == 1) == (budget == 10_000)
    loss, ours = by_us(PAIRS, layout)
    assert loss == pytest.approx(theirs[0], rel=1e-5)
    assert abs(loss - 0.693147) > 1e-2
    assert len(ours) == len(theirs[1]) == 2 * 7 * 2
    for mine, its in zip(ours, theirs[1], strict=True):
        assert torch.linalg.vector_norm(its) > 0
        assert torch.linalg.vector_norm(mine - its) <= 1e-4 * torch.linalg.vector_norm(its)
