"""Run sweeps of the main job and read back what each job found."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

QUIET = ("tracking=none", "training.runtime.progress=false")


@dataclass(frozen=True)
class Finished:
    """One finished job: the overrides that made it, by key, and its ``results.json``."""

    overrides: dict[str, str]
    results: dict[str, Any]


def sweep(folder: Path, words: Sequence[str]) -> list[Finished]:
    """Run ``python -m conself.train -m`` with ``words`` into ``folder``, which is emptied first.

    Running again is cheap, because the artifact store keeps what was made.

    Raises:
        subprocess.CalledProcessError: a job failed; what it printed is on the terminal.
    """
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "conself.train", "-m", f"hydra.sweep.dir={folder}", *QUIET, *words]
    print("$", " ".join(command[1:]), flush=True)
    subprocess.run(command, check=True)
    jobs = sorted((p.parent for p in folder.glob("*/results.json")), key=lambda path: int(path.name))
    return [Finished(_overrides(job), json.loads((job / "results.json").read_text())) for job in jobs]


def _overrides(job: Path) -> dict[str, str]:
    words = OmegaConf.load(job / ".hydra" / "overrides.yaml")
    return dict(str(word).split("=", 1) for word in words)
