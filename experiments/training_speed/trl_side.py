"""TRL's DPO trainer, one optimiser step at a time."""

import math
import tempfile
from collections.abc import Sequence
from typing import Any

import trl.trainer.utils
from datasets import Dataset
from peft import LoraConfig
from transformers import PreTrainedModel
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from conself.training.data import Example
from experiments.training_speed.models import Place, set_adapter, tokenizer
from experiments.training_speed.settings import BETA, LORA_ALPHA, LORA_R, RATE
from experiments.training_speed.steps import Step


class Tokenised(DPOTrainer):  # type: ignore[misc]  # the same whether TRL is installed or not
    """Takes token ids as they are."""

    def _prepare_dataset(self, dataset: Dataset, *_: object) -> Dataset:
        return dataset


def trainer(
    model: PreTrainedModel, pairs: Sequence[Example], batch: int, place: Place, folder: str, compact: bool
) -> Any:
    """A trainer at ``batch`` pairs per micro-batch, with precomputed reference log-probs, in the order of ``pairs``.

    With ``compact`` only response positions reach the head. TRL does so on GPUs, where a Triton kernel serves it; its
    code elsewhere scores every position, so the switch is thrown here for it, with the torch kernel left as it is.
    """
    if compact:
        vars(trl.trainer.utils)["_use_triton"] = lambda _: True  # the head's switch; its kernel has one of its own
    config = DPOConfig(
        output_dir=folder,
        per_device_train_batch_size=batch,
        precompute_ref_log_probs=True,
        gradient_checkpointing=place.checkpointing,
        gradient_accumulation_steps=math.ceil(len(pairs) / batch),
        max_length=None,
        beta=BETA,
        learning_rate=RATE,
        max_grad_norm=0.0,
        use_cpu=place.device == "cpu",
        bf16=place.device != "cpu",
        report_to="none",
        disable_tqdm=True,
        save_strategy="no",
    )
    lora = LoraConfig(r=LORA_R, lora_alpha=LORA_ALPHA, lora_dropout=0.0, target_modules="all-linear")
    rows = [
        {
            "prompt_ids": list(pair.prompt),
            "chosen_ids": list(pair.responses[0].tokens),
            "rejected_ids": list(pair.responses[1].tokens),
        }
        for pair in pairs
    ]
    return Tokenised(
        model, args=config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer(), peft_config=lora
    )


def prepare(model: PreTrainedModel, pairs: Sequence[Example], batch: int, place: Place, seed: int) -> Step:
    """A step of the trainer: ``training_step`` for every micro-batch, then the optimiser; collating is not counted.

    Pairs are sorted by length beforehand, so that rows of a micro-batch need the least filling up.
    """
    longest = sorted(pairs, key=lambda pair: -max(map(len, pair.responses)))
    with tempfile.TemporaryDirectory() as folder:
        its = trainer(model, longest, batch, place, folder, compact=True)
    set_adapter(its.model, seed)
    optimizer = its.create_optimizer()
    its.model.train()
    rows = list(its.train_dataset)
    inputs = [its.data_collator(rows[start : start + batch]) for start in range(0, len(rows), batch)]
    its.current_gradient_accumulation_steps = len(inputs)

    def step() -> float:
        optimizer.zero_grad()
        loss = sum(float(its.training_step(its.model, dict(part))) for part in inputs)
        optimizer.step()
        return loss

    return Step(step, its.model)
