"""Trace where a setting of a job comes from: the command line, the model's recipe, or a chosen YAML."""

from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

_OVERLAYS = ("size", "experiment")
"""Groups whose YAMLs set top-level keys, the last to be merged first."""


def origin(written: DictConfig, key: str) -> str:
    """Describe where a top-level key's value comes from: ``experiment=select_tau``, ``recipe of model=minipy``.

    ``written`` is the config before interpolation; a default that refers to the model's ``recipe`` is the model's.
    """
    words, choices, folders = composition()
    if any(word.lstrip("+").partition("=")[0] == key for word in words):
        return "command line"
    if OmegaConf.is_interpolation(written, key):
        recipe = f"recipe.{key}"
        if any(word.lstrip("+").partition("=")[0] == recipe for word in words):
            return f"command line ({recipe})"
        return f"recipe of model={choices.get('model', '')}".removesuffix("=")
    for group in _OVERLAYS:
        for name in reversed(choices.get(group, "").strip("[]").split(",")):
            if any(key in OmegaConf.load(file) for file in _files(folders, group, name.strip())):
                return f"{group}={name.strip()}"
    return "set in a YAML"


def _files(folders: Sequence[str], group: str, name: str) -> list[Path]:
    paths = [Path(folder) / group / f"{name}.yaml" for folder in folders]
    return [path for path in paths if path.is_file()]


def composition() -> tuple[list[str], dict[str, str], list[str]]:
    """Return the words of the command line, the choice by group, and the folders of YAMLs; empty outside Hydra."""
    if not HydraConfig.initialized():
        return [], {}, []
    hydra = HydraConfig.get()
    words = list(hydra.overrides.task)
    choices = {str(group): str(name) for group, name in hydra.runtime.choices.items()}
    for word in words:  # several experiments at once are not among the choices
        group, _, names = word.lstrip("+").partition("=")
        choices |= {group: names} if group in _OVERLAYS else {}
    return words, choices, [source.path for source in hydra.runtime.config_sources if source.schema == "file"]
