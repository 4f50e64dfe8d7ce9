"""Training: ``python -m conself.train [group=choice] [key=value] [-m]``; the ``pipeline`` defines the work."""

import hydra
from omegaconf import DictConfig

from conself.app.command import run_command
from conself.app.old_words import refusing_old_words
from conself.runtime.config_folder import CONF


@refusing_old_words
@hydra.main(version_base="1.3", config_path=CONF, config_name="train")
def main(config: DictConfig) -> None:
    """Run one job of the command line."""
    run_command(config)


if __name__ == "__main__":
    main()
