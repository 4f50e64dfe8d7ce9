"""The paper's figures that belong beside our rows, and their format."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from .. import paper
from ..labels import differing, settings_of, text_of
from ..runs import Run
from .table import Cell, Head, Written

_CONF = Path(__file__).parents[2] / "conf"
# Groups and settings that the definition of a method fixes.
_FIXED = ("curriculum", "pairing", "loss", "metric", "behaviour")
_USUAL = {"rounds": ("1", "default"), "max_pairs": ("null", "default"), "matched": ("null", "none", "default")}
_MADE_FROM = {"curriculum_by_metric": ("metric", "matched")}  # method -> its settings
# Settings that it leaves open, at any value: problems, judging of answers, additional measurements.
_OPEN = ("method", "model", "recipe", "size", "dataset", "benchmark", "sandbox", "judging", "voters", "metrics")


def method_of(run: Run, runs: Sequence[Run]) -> str:
    """Return the method whose paper figures belong beside a run; "" if its settings are not that method's.

    The paper has one figure per method: of several taus (or learning rates, ...) in ``runs``, the usual one gets it.
    """
    if not _as_defined(run):
        return ""
    peers = [r for r in runs if (r.method, r.backbone) == (run.method, run.backbone) and _as_defined(r)]
    free = (*_OPEN, *_MADE_FROM.get(run.method, ()))
    swept = [key for key in differing([peer.settings for peer in peers]) if key.split(".")[0] not in free]
    return run.method if all(run.settings[key] in _usual(key, run, runs) for key in swept) else ""


def beside(figures: Mapping[str, Mapping[str, float]], key: str) -> tuple[Cell, ...]:
    """Return the paper's figure for ``key`` on each of its models, None if it has none."""
    return tuple(figures[backbone].get(key) for backbone in paper.BACKBONES)


def printed(value: float | None, form: str = ".2%") -> Cell:
    """Format a figure of the paper in a column of ours: at the two decimals of a percent that the paper prints."""
    return None if value is None else Written(value, format(value, form))


def models_beside(models: Sequence[str]) -> Sequence[str]:
    """Return the paper's models whose rows stand below ours: the same ones, or else all three."""
    return [found for model in models if (found := paper.backbone_of(model))] or paper.BACKBONES


def source(heads: Sequence[Head], rows: Sequence[Sequence[Cell]]) -> str:
    """Return a note on what the paper's figures in a table were measured on; "" for a table that has none."""
    columns = [at for at, (head, _) in enumerate(heads) if "paper: " in head]
    found = any(str(row[0]).startswith("paper: ") or any(row[at] is not None for at in columns) for row in rows)
    return paper.MEASURED_ON if found else ""


def _as_defined(run: Run) -> bool:
    """Return whether a run keeps every setting that the definition of its method fixes."""
    made_from = _MADE_FROM.get(run.method, ())
    asked = settings_of([*run.overrides, *_USUAL], run.overrides, run.config, run.choices)
    fixed = {key: value for key, value in asked.items() if key not in made_from}
    return all(
        value in _USUAL[key] if key in _USUAL else key.split(".")[0] not in _FIXED for key, value in fixed.items()
    )


def _usual(key: str, run: Run, runs: Sequence[Run]) -> set[str]:
    """Return the runs' value of a setting that no command line gave; if all gave one, tau as in conf/."""
    unasked = {o.settings[key] for o in runs if o.backbone == run.backbone and key not in o.overrides}
    if unasked or key != "tau":
        return unasked
    return {text_of(_recipe(run.choices.get("model", run.backbone)).tau)}


def _recipe(model: str) -> DictConfig:
    """Return a model's recipe from its YAML in conf/model and that file's defaults; hub.yaml's if it has none."""
    path = _CONF / "model" / f"{model}.yaml"
    node = OmegaConf.load(path if path.is_file() else path.with_name("hub.yaml"))
    assert isinstance(node, DictConfig)
    bases = [_recipe(base) for base in node.defaults if isinstance(base, str) and base != "_self_"]
    merged = OmegaConf.merge(*bases, node.get("recipe", {}))
    assert isinstance(merged, DictConfig)
    return merged
