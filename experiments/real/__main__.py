"""``python -m experiments.real [size=smoke] [key=value ...]``: one ConSelf round with a real model (``make real``).

Fetches the weights where they are missing, says how long the round takes on this machine, and runs it: ``conself.train
experiment=conself size=real``, of which the further words are settings; ``experiment=self_dpo`` is another method.
Without the hub the data lie in files: ``dataset.path=LeetCodeDataset-v0.3.1-train.jsonl
benchmark.humaneval.dataset.path=HumanEval.jsonl.gz``.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

import conself.app.job  # noqa: F401  # its resolvers are named in conf/
from conself.models.dtypes import with_dtypes
from conself.runtime.config_folder import CONF
from conself.sandbox.terminal import answer_interrupts
from experiments.real.expected import expected
from experiments.weights.__main__ import main as fetch_weights
from experiments.weights.__main__ import sources

_SIZES = Path(__file__).with_name("sizes.yaml")


def words_of(words: Sequence[str]) -> list[str]:
    """The words of ``conself.train`` for those of this command.

    Raises:
        ValueError: there is no such size.
    """
    sizes: Any = OmegaConf.to_container(OmegaConf.load(_SIZES))
    size = next((word.removeprefix("size=") for word in words if word.startswith("size=")), "whole")
    if size not in sizes:
        raise ValueError(f"there is no size {size!r}; choose of {', '.join(sizes)}")
    method = [] if any(word.startswith("experiment=") for word in words) else ["experiment=conself"]
    return [*method, "size=real", *sizes[size], *(word for word in words if not word.startswith("size="))]


def configured(words: Sequence[str]) -> DictConfig:
    """The config of ``conself.train`` for its words, with a dtype in the place of ``auto``.

    Raises:
        ValueError: they fit no config.
    """
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config, _ = with_dtypes(compose("train", list(words)))
    except (HydraException, OmegaConfBaseException) as error:
        raise ValueError(" ".join(str(error).split())) from error
    return config


def main(given: Sequence[str] | None = None) -> int:
    """Weights, the time that is to be expected, and the round; its exit status."""
    answer_interrupts()
    try:
        words = words_of(sys.argv[1:] if given is None else given)
        config = configured(words)
        name = Path(config.model.name).name
        if not Path(config.model.name).exists() and name in sources() and (status := fetch_weights([name])):
            return status
        print(f"measuring how fast {config.model.name} draws and reads here: a minute or two", flush=True)
        print(expected(config), flush=True)
    except (OSError, ValueError) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    round_ = subprocess.Popen([sys.executable, "-m", "conself.train", *words])
    while True:
        try:
            return round_.wait()
        except KeyboardInterrupt:
            pass  # it hears Ctrl-C itself, and says what is kept


if __name__ == "__main__":
    sys.exit(main())
