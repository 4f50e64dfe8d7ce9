"""Judge a model, or completions made elsewhere: ``python -m conself.evaluate [group=choice] [key=value] [-m]``."""

from collections.abc import Sequence

import hydra
from hydra import compose
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from conself.app.command import run_command
from conself.app.old_words import refusing_old_words
from conself.runtime.config_folder import CONF


def chosen(config: DictConfig) -> DictConfig:
    """Return the config with one decoder: with ``samples`` it reads them, and there is neither engine nor model."""
    kept = OmegaConf.masked_copy(config, [str(key) for key in config if key != "recorded"])
    if config.samples is not None:
        kept.decoder, kept.engine, kept.model = config.recorded, None, None
    return kept


def without_model(words: Sequence[str]) -> list[str]:
    """Remove the words about the model from a command line: without a model none of its settings apply."""
    kept = [word for word in words if not word.lstrip("+~").startswith(("model=", "model."))]
    return [*kept, "~model"]


@refusing_old_words
@hydra.main(version_base="1.3", config_path=CONF, config_name="evaluate")
def main(config: DictConfig) -> None:
    """Run one job of the command line."""
    if config.samples is not None:
        config = compose("evaluate", without_model(HydraConfig.get().overrides.task))
    run_command(chosen(config))


if __name__ == "__main__":
    main()
