"""Re-create the embedded seed model: ``python -m conself.minipy.pretrain [seed=1] [out=FOLDER] [key=value]``.

Corpus -> tokenizer -> one epoch of next-token training -> a checkpoint folder that transformers loads, in minutes on
two cores. ``training.json`` in that folder records how it was made.
"""

from __future__ import annotations

import json
import platform
import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig

from conself.minipy.corpus import corpus
from conself.minipy.pretraining.write import new_folder
from conself.prompts.prompts import PromptStyle
from conself.runtime.config_folder import CONF
from conself.runtime.console import new_console, say
from conself.runtime.parts import build
from conself.runtime.plain import settings_of
from conself.runtime.progress import working
from conself.sandbox.jsonlines import Plain
from conself.sandbox.terminal import answer_interrupts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, Qwen2ForCausalLM

    from conself.minipy.pretraining.loop import Fit

    Trained = tuple[Qwen2ForCausalLM, PreTrainedTokenizerBase, Fit]


def pretrain(cfg: DictConfig) -> Trained:
    """Train tokenizer and model by ``conf/pretrain.yaml``; the same settings give the same weights.

    Raises:
        ValueError: a vocabulary, length or model size that cannot work.
    """
    import torch

    from conself.minipy.pretraining.data import batches, encode, exchange_of, seed_of, texts
    from conself.minipy.pretraining.loop import Optimisation, fit
    from conself.minipy.tokenizer import train_tokenizer

    torch.set_num_threads(cfg.threads)
    prompts = build(cfg.prompts, PromptStyle)
    examples = list(corpus(cfg.corpus.size, cfg.corpus.seed))
    tokenizer = train_tokenizer(texts(examples, prompts), cfg.vocab_size, cfg.max_length)
    rows = encode([exchange_of(example, prompts) for example in examples], tokenizer)
    model = instantiate(cfg.model)(tokenizer=tokenizer, max_length=cfg.max_length, seed=seed_of(cfg.seed, "weights"))
    epoch = batches(rows, cfg.batch_tokens, int(tokenizer.pad_token_id), seed_of(cfg.seed, "order"))
    say(
        new_console(),
        f"{len(rows):,} examples, {len(tokenizer):,} tokens in the vocabulary, {model.num_parameters():,} parameters",
    )
    return model, tokenizer, fit(model, epoch, build(cfg.optimisation, Optimisation))


def record(cfg: DictConfig, fitted: Fit, command: str) -> dict[str, Plain]:
    """Build the content of ``training.json``: the command, the figures, every setting, and the versions."""
    settings = {key: value for key, value in settings_of(cfg).items() if key not in ("out", "overwrite")}
    libraries = {name: version(name) for name in ("torch", "transformers", "tokenizers")}
    return {
        "command": command,
        "seed": cfg.seed,
        "corpus_seed": cfg.corpus.seed,
        "examples": cfg.corpus.size,
        **asdict(fitted),
        "settings": settings,
        "versions": {"python": platform.python_version(), **libraries},
    }


def run(cfg: DictConfig, module: str, train: Callable[[DictConfig], Trained]) -> None:
    """Train, then move the checkpoint folder to its place; ``module`` is the command for the record."""
    answer_interrupts()
    overrides = [item for item in HydraConfig.get().overrides.task if not item.startswith(("out=", "overwrite="))]
    command = shlex.join(["python", "-m", module, *overrides])
    try:
        with new_folder(Path(cfg.out), cfg.overwrite) as folder:
            from transformers.utils.logging import disable_progress_bar

            disable_progress_bar()  # of saving one small file
            with working(new_console(), "pre-training"):
                model, tokenizer, fitted = train(cfg)
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            text = json.dumps(record(cfg, fitted, command), indent=2)
            (folder / "training.json").write_text(text + "\n", encoding="utf-8")
    except (ValueError, OSError) as error:
        sys.exit(f"{module.rpartition('.')[2]}: {error}")
    say(
        new_console(),
        f"code loss {fitted.code_loss:.4f} after {fitted.tokens:,} tokens in {fitted.seconds:.0f} s -> {cfg.out}",
    )


@hydra.main(version_base="1.3", config_path=CONF, config_name="pretrain")
def main(cfg: DictConfig) -> None:
    """Pre-train, then move the checkpoint folder to its place."""
    run(cfg, "conself.minipy.pretrain", pretrain)


if __name__ == "__main__":
    main()
