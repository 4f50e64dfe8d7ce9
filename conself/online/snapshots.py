"""Where the weights of a training on the way lie, in the folder of its artifact."""

from pathlib import Path

SNAPSHOTS = "snapshots"


def snapshot(out: Path, step: int) -> Path:
    """The folder of the weights after so many steps."""
    return out / SNAPSHOTS / f"step-{step:06d}"


def snapshots(out: Path) -> dict[int, Path]:
    """All that are there, by their number of steps, in order."""
    return {step_of(folder): folder for folder in sorted((out / SNAPSHOTS).glob("step-*"))}


def step_of(folder: Path) -> int:
    """The number of steps of a snapshot's folder."""
    return int(folder.name.removeprefix("step-"))
