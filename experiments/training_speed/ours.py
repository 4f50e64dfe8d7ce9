"""Our training path: the Lightning module in its own trainer, as conf/ sets it up, one global batch at a time."""

import logging
import queue
import tempfile
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from lightning.pytorch import Callback, LightningDataModule, Trainer
from omegaconf import OmegaConf
from peft import LoraConfig
from torch.utils.data import DataLoader
from transformers import PreTrainedModel

from conself.losses.con_dpo import ConDPO
from conself.models.transformers import with_lora
from conself.training.data import Example
from conself.training.device_learner import DeviceLearner
from conself.training.lightning import PreferenceModule
from conself.training.micro_batches import grouped
from conself.training.policy.recompute import checkpoint_layers
from conself.training.policy.tuning import Lora, Policy
from conself.training.reference import identity, reference_log_probs, stored
from conself.training.schedules import WarmupCosine
from conself.training.settings import Training
from experiments.training_speed.models import Place, set_adapter
from experiments.training_speed.settings import BETA, LORA_ALPHA, LORA_R, RATE
from experiments.training_speed.steps import Step

_CONF = Path(__file__).parent.parent.parent / "conf"
_STEPS = 1000  # more than anybody asks for
_ENOUGH = 1 << 30


def prepare(
    model: PreTrainedModel, pairs: Sequence[Example], layout: str, twice: float, place: Place, seed: int
) -> Step:
    """A step of Lightning's fit loop: laying out, forward, backward, optimiser, and the loop's own work are counted.

    ``layout`` is a name in conf/training/layout; ``twice`` the share of layers computed again on the way back.
    Pieces hold one of the largest problems (of the largest pairs, in the layout of pairs), which takes least memory.
    """
    settings = _settings(layout, _room(layout, pairs, place), len(pairs), place)
    adapted = with_lora(model, _lora(settings), seed)
    policy = Policy(model, place.dtype, adapted.disable_adapter, reference_stays=True, save=_unsaved)
    checkpoint_layers(model, 1.0 if place.checkpointing else twice)
    rows = settings.runtime.layout
    rows.prepare(model, pairs)
    with tempfile.TemporaryDirectory() as folder:
        who = identity(policy, rows, "random weights")
        reference = reference_log_probs(policy, rows, pairs, who, Path(folder), progress=False)
    set_adapter(model, seed)
    schedule = WarmupCosine(_STEPS, settings.warmup_ratio)
    learner = DeviceLearner(policy, ConDPO(BETA), settings, schedule, stored(reference))
    module = PreferenceModule(learner, _STEPS, None)
    return Step(_Loop(module, list(pairs), place).step, model)


def _lora(settings: Training) -> LoraConfig:
    if not isinstance(settings.tuning, Lora):
        raise TypeError(f"conf/training/lora.yaml gives {type(settings.tuning).__name__}, expected Lora")
    return settings.tuning.config()


def _unsaved(*_: object) -> None:
    raise AssertionError("nothing is saved here")


def _room(layout: str, pairs: Sequence[Example], place: Place) -> int:
    rows = _settings(layout, _ENOUGH, len(pairs), place).runtime.layout
    units = [[pair] for pair in pairs] if layout == "pairs" else grouped(pairs, lambda pair: pair.problem_id)
    # A layout counts a response's last token, which is only predicted.
    laid = [rows.lay(unit).inputs["input_ids"] for unit in units]
    return max(ids.numel() + len(ids) for ids in laid)


def _settings(layout: str, budget: int, batch: int, place: Place) -> Training:
    words = [
        "training=lora",
        f"training/layout={layout}",
        f"training.tuning.r={LORA_R}",
        f"training.tuning.alpha={LORA_ALPHA}",
        f"training.learning_rate={RATE}",
        "training.warmup_ratio=0",
        "training.gradient_clip=null",
        f"training.batch_size={batch}",
        "training.threads=1",
        f"training.runtime.layout.token_budget={budget}",
        f"training.runtime.device={place.device}",
        "training.runtime.progress=false",
    ]
    with initialize_config_dir(str(_CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("train", words).training, resolve=True)
    settings = instantiate(config, _convert_="all")
    if not isinstance(settings, Training):
        raise TypeError(f"conf/training gives {type(settings).__name__}, expected Training")
    return settings


class _Batches(LightningDataModule):
    """The same batch in every step; it stays where it is, since pieces of it move themselves."""

    def __init__(self, batch: list[Example]) -> None:
        super().__init__()
        self._batch = batch

    def train_dataloader(self) -> DataLoader[Any]:
        """All steps there may be."""
        return DataLoader([self._batch] * _STEPS, batch_size=None, collate_fn=list)  # type: ignore[arg-type]

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:  # noqa: ARG002
        """Nothing to do."""
        return batch


class _Loop(Callback):
    """Lightning's fit in a thread of its own, which waits before every step until it is asked for one."""

    def __init__(self, module: PreferenceModule, batch: list[Example], place: Place) -> None:
        self._asked: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[float | BaseException] = queue.SimpleQueue()
        logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
        trainer = Trainer(
            accelerator=place.device,
            devices=1,
            max_steps=_STEPS,
            callbacks=[self],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        data = _Batches(batch)
        threading.Thread(target=self._fit, args=(trainer, module, data), daemon=True).start()

    def step(self) -> float:
        """Let the loop do one step; its loss."""
        self._asked.put(None)
        done = self._done.get()
        if isinstance(done, BaseException):
            raise done
        return done

    def _fit(self, trainer: Trainer, module: PreferenceModule, data: Any) -> None:
        try:
            with warnings.catch_warnings(action="ignore"):
                trainer.fit(module, data)
        except BaseException as error:
            self._done.put(error)

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        """Wait."""
        self._asked.get()

    def on_train_batch_end(self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        """Say what came out."""
        self._done.put(pl_module.curve[-1]["loss"])
