"""What a run is called on a dashboard, and what it is grouped and found by."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

NAME_LENGTH = 128
"""W&B takes no longer names."""
TAG_LENGTH = 64
"""W&B takes no longer tags."""
DEFAULTS = "defaults"
"""The name of a run without any override."""


def run_name(overrides: Sequence[str]) -> str:
    """The overrides that can change results, in the order given: ``experiment=wo_cw seed=1``.

    Left out are the folder of the store, the dashboard itself, and what only changes speed (``executor``, ``runtime``).
    A leading ``+`` or ``++`` goes, a ``~`` stays.
    """
    words = [word.lstrip("+") for word in overrides]
    name = " ".join(word for word in words if _matters(word)) or DEFAULTS
    return name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1] + "…"


def _matters(word: str) -> bool:
    parts = word.partition("=")[0].split(".")
    return parts[0] not in ("artifacts", "tracking", "executor") and "runtime" not in parts


def group(folder: Path, in_sweep: int) -> str:
    """The name of the sweep's folder, or of the run's where it is alone: jobs of one sweep stand together.

    ``in_sweep`` says how many folders a job lies below the sweep's: ``hydra.sweep.subdir`` may have several; 0: alone.
    """
    return folder.parents[in_sweep - 1].name if in_sweep else folder.name


def tags(config: DictConfig) -> list[str]:
    """Method and benchmarks, as far as the kind of job has any."""
    method = [str(config.method)] if config.get("method") is not None else []
    return [tag[:TAG_LENGTH] for tag in (*method, *map(str, config.get("benchmark") or ())) if tag]


def round_prefix(number: int) -> str:
    """What the curves of round ``number`` (from 1) are prefixed with: nothing in the first, then ``round2/``, ..."""
    return "" if number == 1 else f"round{number}/"
