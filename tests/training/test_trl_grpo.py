"""Where settings coincide, GRPO is that of TRL 1.16: the same loss, the same gradients, on the same rollouts."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from conself.losses.grpo import GRPO
from conself.losses.output import MeanOver
from conself.training.data import Example
from conself.training.device_learner import DeviceLearner
from conself.training.reference import computed
from conself.training.schedules import WarmupConstant
from tests.training.rollouts import groups, near_policy
from tests.training.training_world import END, LORA, PAD, layouts, lora_policy, settings, tiny_qwen, word_tokenizer

pytest.importorskip("trl", reason="TRL is not installed: pip install -c constraints.txt -e '.[trl]'")
from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

LORA_B = 0.05  # with LoRA's second factor at 0, the policy would be the reference, and half of the gradients 0
BETA = 0.3
MEANS: dict[MeanOver, str] = {"tokens": "dapo", "responses": "grpo"}
EXAMPLES = near_policy(groups([4, 4, 4], seed=6), lora_policy(tiny_qwen(), lora_b=LORA_B).model, off=0.5)


def padded(rows: Sequence[Sequence[float]], left: bool, fill: float) -> tuple[Tensor, Tensor]:
    """Rows filled up to the longest, and where they are not filling."""
    width = max(map(len, rows))
    pads = [[fill] * (width - len(row)) for row in rows]
    values = [[*pad, *row] if left else [*row, *pad] for row, pad in zip(rows, pads, strict=True)]
    masks = [
        [0] * len(pad) + [1] * len(row) if left else [1] * len(row) + [0] * len(pad)
        for row, pad in zip(rows, pads, strict=True)
    ]
    return torch.tensor(values), torch.tensor(masks)


def by_trl(examples: Sequence[Example], folder: Path, loss_type: str) -> tuple[float, list[Tensor]]:
    """Loss and gradients of TRL's loss on all rollouts at once."""
    ones = [one for example in examples for one in example.apart()]
    options: dict[str, Any] = {
        "use_cpu": True, "bf16": False, "gradient_checkpointing": False, "report_to": "none",
        "per_device_train_batch_size": len(ones), "num_generations": 4, "steps_per_generation": 1,
        "epsilon": 0.2, "epsilon_high": 0.28, "delta": 3.0, "beta": BETA, "loss_type": loss_type,
        "use_bias_correction_kl": False,
    }  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CI", "true")  # TRL then tells nobody about it
        trainer = GRPOTrainer(
            tiny_qwen(),
            reward_funcs=lambda completions, **_: [0.0] * len(completions),
            args=GRPOConfig(str(folder), **options),
            train_dataset=Dataset.from_list([{"prompt": "x10"}] * len(ones)),
            processing_class=word_tokenizer(),
            peft_config=LORA.config(),
        )
    factors = {n: p for n, p in sorted(trainer.model.named_parameters()) if p.requires_grad}
    with torch.no_grad():
        for name, factor in factors.items():
            factor.copy_(ours_by_name()[name[name.index("layers.") :]])
    trainer.current_gradient_accumulation_steps = 1
    model = trainer.model.train()
    prompts, prompt_mask = padded([one.prompt for one in ones], left=True, fill=PAD)
    completions, completion_mask = padded([one.responses[0].tokens for one in ones], left=False, fill=END)
    behaviour, _ = padded([one.behaviour[0] for one in ones if one.behaviour], left=False, fill=0.0)
    inputs = {
        "prompt_ids": prompts, "prompt_mask": prompt_mask,
        "completion_ids": completions, "completion_mask": completion_mask,
        "advantages": torch.tensor([one.signal[0] for one in ones]),
        "old_per_token_logps": behaviour,
        "num_items_in_batch": completion_mask.sum(),
    }  # fmt: skip
    ids, mask = torch.cat([prompts, completions], 1), torch.cat([prompt_mask, completion_mask], 1)
    with torch.no_grad(), trainer.model.disable_adapter():
        inputs["ref_per_token_logps"] = trainer._get_per_token_logps_and_entropies(
            model, ids, mask, completions.shape[1]
        )[0]
    loss = trainer._compute_loss(model, inputs)
    loss.backward()
    return float(loss.detach()), [p.grad for p in factors.values() if p.grad is not None]


def ours_by_name() -> dict[str, Tensor]:
    named = lora_policy(tiny_qwen(), lora_b=LORA_B).model.named_parameters()
    return {name[name.index("layers.") :]: p for name, p in named if p.requires_grad}


@pytest.fixture(scope="module", params=MEANS)
def theirs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[MeanOver, float, list[Tensor]]:
    mean_over: MeanOver = request.param
    return mean_over, *by_trl(EXAMPLES, tmp_path_factory.mktemp("trl"), MEANS[mean_over])


@pytest.mark.parametrize("budget", [64, 10_000], ids=["many pieces", "one piece"])
@pytest.mark.parametrize("layout", ["distinct", "shared"])
def test_loss_and_gradients_are_those_of_trl(
    layout: str, budget: int, theirs: tuple[MeanOver, float, list[Tensor]]
) -> None:
    mean_over, total, expected = theirs
    policy, rows = lora_policy(tiny_qwen(), lora_b=LORA_B), layouts(budget)[layout]
    loss = GRPO(clip_low=0.2, clip_high=0.28, dual_clip=3.0, beta=BETA, mean_over=mean_over)
    learner = DeviceLearner(policy, loss, settings(rows, gradient_clip=None), WarmupConstant(0), None)
    learner.reference = computed(policy, learner.sharing)
    row = learner.step(EXAMPLES)
    found = [p.grad for _, p in sorted(policy.model.named_parameters()) if p.requires_grad and p.grad is not None]
    assert row["loss"] == pytest.approx(total, rel=1e-4)
    assert row["clipped"] > 0.05, "or the clip would not be compared"
    assert row["kl"] > 1e-3
    assert len(found) == len(expected) == 2 * 7 * 2
    for mine, its in zip(found, expected, strict=True):
        assert torch.linalg.vector_norm(its) > 0
        assert torch.linalg.vector_norm(mine - its) <= 1e-4 * torch.linalg.vector_norm(its)
