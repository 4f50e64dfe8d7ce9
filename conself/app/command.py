"""Run a job from its config: shared by all commands."""

from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from conself.app.job import run


def run_command(config: DictConfig) -> None:
    """Run the job whose config Hydra has composed; raises as :func:`conself.app.job.run`."""
    job = HydraConfig.get()
    run(config, Path(job.runtime.output_dir), in_sweep=job.mode is RunMode.MULTIRUN)
