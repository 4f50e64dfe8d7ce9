"""The names, groups and tags of runs on a dashboard."""

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
    """Join the overrides that can change results, in the order given: ``experiment=wo_cw seed=1``.

    Left out are the folder of the store, the dashboard itself, and settings that only change speed (``executor``,
    ``runtime``). A leading ``+`` or ``++`` is removed, a ``~`` is kept.
    """
    words = [word.lstrip("+") for word in overrides]
    name = " ".join(word for word in words if _matters(word)) or DEFAULTS
    return name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1] + "…"


def _matters(word: str) -> bool:
    parts = word.partition("=")[0].split(".")
    return parts[0] not in ("artifacts", "tracking", "executor") and "runtime" not in parts


def group(folder: Path, in_sweep: int) -> str:
    """Return the name of the sweep's folder, or of the run's own, to group the jobs of one sweep.

    ``in_sweep`` is the depth of a job's folder below the sweep's: ``hydra.sweep.subdir`` may have several; 0: no sweep.
    """
    return folder.parents[in_sweep - 1].name if in_sweep else folder.name


def tags(config: DictConfig) -> list[str]:
    """Return method and benchmarks, if the job has any."""
    method = [str(config.method)] if config.get("method") is not None else []
    return [tag[:TAG_LENGTH] for tag in (*method, *map(str, config.get("benchmark") or ())) if tag]


def round_prefix(number: int) -> str:
    """Return the prefix of curves of round ``number`` (from 1): none in the first, then ``round2/``, ..."""
    return "" if number == 1 else f"round{number}/"
