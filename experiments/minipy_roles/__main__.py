"""How well the embedded model of three roles proposes and tests: see README.md.

``python -m experiments.minipy_roles [--asks N] [--problems N] [--seed N] [--out FILE] [key=value ...]``; the words
without dashes are those of ``conself.train``.
"""

import argparse
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

import conself.app.job  # noqa: F401  # its resolvers are named in conf/
from conself.engines.engine import Complete, Engine
from conself.engines.transformers.engine import TransformersEngine
from conself.engines.transformers.machine import complete_chats
from conself.minipy.pretrain_roles import asks_of
from conself.models.dtypes import with_dtypes
from conself.prompts.prompts import PromptStyle
from conself.prompts.tester import TesterTexts
from conself.proposers.proposer import Proposer
from conself.records import ModelRef
from conself.runtime.parts import build
from conself.sandbox.terminal import answer_interrupts
from experiments.minipy_roles.chains import generated
from experiments.minipy_roles.figures import AskingTests, claimed, proposed

CONF = Path(__file__).parents[2] / "conf"
WORDS = ("model=minipy_roles", "proposer=minipy", "experiment=ucoder")
TEMPERATURES = {"sampled": 1.0, "greedy": 0.0}


def configured(words: Sequence[str]) -> DictConfig:
    """Compose the job whose parts are measured."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return with_dtypes(compose("train", [*WORDS, *words]))[0]


def completing(config: DictConfig) -> Complete:
    """Return the engine's function that completes chats, in this process."""
    engine = build(config.engine, Engine)
    assert isinstance(engine, TransformersEngine)
    return partial(complete_chats, build(config.model, ModelRef), engine.runtime)


def measured(words: Sequence[str], asks: int, problems: int, seed: int) -> dict[str, Any]:
    """Measure proposals and claims."""
    config = configured([*words, f"proposer.problems={asks}", f"seed={seed}"])
    with initialize_config_dir(str(CONF), version_base="1.3"):
        grown = compose("pretrain_roles")
    roles = {str(role): int(n) for role, n in grown.roles.items()}
    chains = generated(asks_of(grown), grown.corpus.size, int(grown.corpus.seed), roles)
    complete = completing(config)
    tester = AskingTests(
        build(config.prompts, PromptStyle), build(grown.tester, TesterTexts), config.tokens.tests, seed
    )
    return {
        "seed": seed,
        "proposals": proposed(build(config.proposer, Proposer), complete, asks, chains),
        "claims": {name: claimed(tester, complete, problems, heat) for name, heat in TEMPERATURES.items()},
    }


def main() -> None:
    """Measure, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--asks", type=int, default=300, help="for proposals")
    parser.add_argument("--problems", type=int, default=300, help="of the test split, to write tests for")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results.json"))
    parser.add_argument("words", nargs="*", help="of conself.train")
    args = parser.parse_args()
    answer_interrupts()
    found = measured(args.words, args.asks, args.problems, args.seed)
    text = json.dumps(found, indent=2)
    args.out.write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
