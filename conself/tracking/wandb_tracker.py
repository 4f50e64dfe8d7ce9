"""Weights & Biases: a run per job, in the job's folder; a sweep is a group."""

from __future__ import annotations

import logging
import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from conself.tracking.naming import group, run_name, tags
from conself.tracking.tracker import Cell, Stored, binned, plain

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

STEP = "trainer/global_step"
"""Lightning's name for the training step, the x-axis of every curve."""
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.-]")  # of artifacts: W&B refuses them, and the job has been done by then


@dataclass
class WandbTracker:
    """Weights & Biases; ``mode`` offline (no account needed), online or disabled."""

    project: str
    mode: str
    _run: Any = field(default=None, init=False)

    def start(
        self,
        folder: Path,
        config: DictConfig,
        kind: str = "train",
        overrides: Sequence[str] = (),
        in_sweep: int = 0,
    ) -> None:
        """Open a W&B run in ``folder``, named by its overrides, grouped by its sweep, with ``kind`` as its job type.

        Raises:
            ValueError: ``mode`` is none of the three, or it is online and there is no account to log in to.
        """
        import wandb

        if self.mode not in ("offline", "online", "disabled"):
            raise ValueError(f"tracking.mode must be offline, online or disabled, got {self.mode!r}")
        logging.getLogger("wandb").setLevel(logging.ERROR)
        try:
            self._run = wandb.init(
                project=self.project,
                mode=self.mode,  # type: ignore[arg-type]  # checked above
                dir=str(folder),
                name=run_name(overrides),
                group=group(folder, in_sweep),
                job_type=kind,
                tags=tags(config),
                config=plain(config),
                reinit="create_new",  # never the run of another job, nor of a program around this one
                settings=wandb.Settings(silent=True, console="off"),
            )
        except wandb.errors.UsageError as error:
            raise ValueError(
                f"W&B does not take this run ({error}); call `wandb login` first, or set tracking.mode=offline"
            ) from error

    def training_logger(self, prefix: str = "") -> Logger | None:
        """Return Lightning's W&B logger on this run; curves are drawn over the training step."""
        from lightning.pytorch.loggers import WandbLogger

        from conself.tracking.prefixed import prefixed

        self._run.define_metric(f"{prefix}train/*", step_metric=STEP)
        return prefixed(WandbLogger(experiment=self._run), prefix)

    def replay(self, curve: Sequence[Mapping[str, float]], prefix: str = "") -> None:
        """Log every step of a stored curve."""
        from conself.tracking.prefixed import play

        logger = self.training_logger(prefix)
        if logger is not None:
            play(logger, curve)

    def summarise(self, figures: Mapping[str, float]) -> None:
        """Write the run's summary, for columns and filters of the project's table of runs."""
        self._run.summary.update(dict(figures))

    def tabulate(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        """Log a W&B table; the dashboard stacks those of selected runs."""
        import wandb

        table = wandb.Table(columns=list(columns), data=[list(row) for row in rows], allow_mixed_types=True)
        self._run.log({name: table})

    def histogram(self, name: str, values: Sequence[float]) -> None:
        """Log a W&B histogram."""
        import numpy as np
        import wandb

        if len(values):
            counts, edges = map(np.asarray, binned(values))
            self._run.log({name: wandb.Histogram(np_histogram=(counts, edges))})

    def link(self, artifacts: Mapping[str, Stored]) -> None:
        """Log a W&B artifact per artifact of the store: its stage and key, and references to its files.

        Names and sizes of files are listed; none is read, hashed or uploaded (``checksum=False``), because weights and
        samples take gigabytes, and the key identifies the content. W&B distinguishes versions by the files' addresses,
        which contain the key: jobs that share an artifact share a version, and its page lists these jobs. The addresses
        are valid only on machines with the store.
        """
        import wandb

        for name, stored in artifacts.items():
            content = {"stage": stored.stage, "key": stored.key, "path": str(stored.path)}
            artifact = wandb.Artifact(_NOT_IN_NAMES.sub("-", name), type=stored.stage, metadata=content)
            artifact.add_reference(stored.path.resolve().as_uri(), checksum=False)
            self._run.log_artifact(artifact, aliases=[stored.key[:12]])

    def finish(self, failed: bool) -> str | None:
        """Close the run, as failed or finished; return how to upload an offline run, or its address.

        Once a job has finished, unsynced offline runs of an earlier one in its folder are removed: it was repeated, and
        ``wandb sync`` would upload both.
        """
        if self._run is None:
            return None
        run, self._run = self._run, None
        run.finish(exit_code=int(failed))
        if self.mode == "offline" and not failed:
            _remove_earlier(Path(run.settings.sync_dir))
        if self.mode == "offline":
            return f"dashboard: wandb sync {shlex.quote(_short(run.settings.sync_dir))}"
        return f"dashboard: {run.url}" if run.url else None


def _remove_earlier(current: Path) -> None:
    """Remove unsynced offline runs beside the current one, to which W&B's links now point."""
    for earlier in current.parent.glob("offline-run-*"):
        if earlier.name != current.name and not any(earlier.glob("*.wandb.synced")):
            shutil.rmtree(earlier, ignore_errors=True)


def _short(path: str) -> str:
    """Return the path relative to the current folder, if it is below."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative
