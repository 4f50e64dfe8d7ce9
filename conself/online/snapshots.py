"""The folders of a training run's intermediate weights, inside its artifact's folder."""

from pathlib import Path

SNAPSHOTS = "snapshots"


def snapshot(out: Path, step: int) -> Path:
    """Return the folder of the weights after ``step`` steps."""
    return out / SNAPSHOTS / f"step-{step:06d}"


def snapshots(out: Path) -> dict[int, Path]:
    """Return the existing snapshots by their number of steps, in order."""
    return {step_of(folder): folder for folder in sorted((out / SNAPSHOTS).glob("step-*"))}


def step_of(folder: Path) -> int:
    """Return the number of steps of a snapshot's folder."""
    return int(folder.name.removeprefix("step-"))
