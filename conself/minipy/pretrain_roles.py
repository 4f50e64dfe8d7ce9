"""Grow the embedded seed model into author, coder and tester: ``python -m conself.minipy.pretrain_roles [seed=1]``.

Training goes on from ``start``, with its tokenizer, on one epoch of new coder's examples mixed with those of the other
roles.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from omegaconf import DictConfig

from conself.minipy.corpus import corpus
from conself.minipy.pretrain import run
from conself.minipy.roles.corpus import PROGRAMS, Asks, roles_corpus
from conself.prompts.prompts import PromptStyle
from conself.prompts.tester import TesterTexts
from conself.runtime.config_folder import CONF
from conself.runtime.console import new_console, say
from conself.runtime.parts import build

if TYPE_CHECKING:
    from conself.minipy.pretrain import Trained


def asks_of(cfg: DictConfig) -> Asks:
    """Return the wording of all prompts by the config: the texts that the model is asked with later."""
    texts = cfg.proposer.texts
    wording = {name: str(texts[name]) for name in ("propose", "exercise", "skeleton", "tests")}
    return Asks(**wording, tester=build(cfg.tester, TesterTexts), style=build(cfg.prompts, PromptStyle))


def grow(cfg: DictConfig) -> Trained:
    """Train on by ``conf/pretrain_roles.yaml``; the same settings give the same weights.

    Raises:
        OSError: ``start`` is no checkpoint.
        ValueError: an unknown role.
    """
    import torch
    from transformers import AutoTokenizer, Qwen2ForCausalLM

    from conself.minipy.pretraining.data import Exchange, batches, encode, exchange_of, seed_of
    from conself.minipy.pretraining.loop import Optimisation, fit

    torch.set_num_threads(cfg.threads)
    asks = asks_of(cfg)
    start = cfg.start or Path(__file__).parent / "checkpoint"
    tokenizer = AutoTokenizer.from_pretrained(start)
    model = Qwen2ForCausalLM.from_pretrained(start)
    seed = int(cfg.corpus.seed)
    exchanges = [exchange_of(example, asks.style) for example in corpus(cfg.corpus.size, seed)]
    for example in roles_corpus({str(role): n for role, n in cfg.roles.items()}, asks, seed):
        exchanges.append(Exchange(example.messages, example.completion, example.role == PROGRAMS))
    rows = encode(exchanges, tokenizer)
    epoch = batches(rows, cfg.batch_tokens, int(tokenizer.pad_token_id), seed_of(cfg.seed, "order"))
    tokens = sum(len(row.ids) for row in rows)
    say(new_console(), f"{len(rows):,} examples, {tokens:,} tokens, {model.num_parameters():,} parameters")
    return model, tokenizer, fit(model, epoch, build(cfg.optimisation, Optimisation))


@hydra.main(version_base="1.3", config_path=CONF, config_name="pretrain_roles")
def main(cfg: DictConfig) -> None:
    """Train, then move the checkpoint folder to its place."""
    run(cfg, "conself.minipy.pretrain_roles", grow)


if __name__ == "__main__":
    main()
