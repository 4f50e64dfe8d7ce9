"""A job as every tracker sees it: what a run of the pipeline gives it, in a few figures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from conself.tracking import Tracker, record

CURVE = [{"train/loss": 0.7, "train/accuracy": 0.5}, {"train/loss": 0.6, "train/accuracy": 0.75}]
VALUES = [0.0, 0.5, 0.5, 1.0]


@dataclass(frozen=True)
class Folder:
    """An artifact of the store."""

    stage: str
    key: str
    path: Path


def figures(auc: float) -> dict[str, Any]:
    """Figures in the shape of results.json."""
    side = {"pass@1": 0.25, "n": 8, "ci95": [0.125, 0.5]}
    return {
        "method": "conself",
        "problems": {"total": 10, "eligible": 8, "kept": 5, "dropped": {"above tau": 3, "crashed": 2}},
        "golden_rate": 0.5,
        "entropy_range": [0.0, 1.5],
        "metrics": {
            "nll": {"n": 8, "undefined": {"too few": 2}, "auc": auc, "pearson": [-0.5, 0.01], "spearman": None}
            | {"kendall": [-0.25, 0.5]}
        },
        "benchmarks": {
            "minipy": {"base": side, "tuned": {**side, "pass@1": 0.5}, "relative_improvement": 1.0, "fixed": 2}
            | {"broken": 0, "p": 0.5, "test": "McNemar"}
        },
        "selectors": {"consensus": {"accuracy": 0.75, "n": 8}},
        "stopped": None,
    }


def run_one(
    tracker: Tracker, folder: Path, tau: float = 0.3, overrides: tuple[str, ...] = (), failed: bool = False
) -> str:
    """A job from start to end, or to a failure after its training; returns its last line."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = Folder("fit", "ab" * 32, folder / "store" / "fit" / ("ab" * 32))
    stored.path.mkdir(parents=True, exist_ok=True)
    (stored.path / "weights").write_text("weights")
    config = OmegaConf.create({"tau": tau, "method": "conself", "benchmark": {"minipy": {"size": 8}}})
    tracker.start(folder, config, "train", overrides, in_sweep=True)
    tracker.replay(CURVE)
    tracker.replay(CURVE[1:], "round2/")
    if not failed:
        tracker.histogram("uncertainty", VALUES)
        record(tracker, figures(auc=tau))
        tracker.link({"fit": stored})
    return tracker.finish(failed) or ""
