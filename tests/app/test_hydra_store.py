"""Hydra's store of structured configs is shared, and nothing that is composed changes it."""

from copy import deepcopy
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf, open_dict

import conself.app.hydra_store  # noqa: F401
from conself.runtime.config_folder import CONF


def composed(*words: str) -> Any:
    with initialize_config_dir(CONF, version_base="1.3"):
        return compose("train", ["hydra.job.num=0", "hydra.job.id=0", *words], return_hydra_config=True)


def test_the_store_is_not_copied() -> None:
    store = ConfigStore.instance()
    assert deepcopy([store])[0] is store


def test_a_shared_store_gives_what_a_copied_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("tau=0.5", "hydra/launcher=basic", "hydra.sweep.dir=elsewhere")
    shared = OmegaConf.to_yaml(composed(*words))
    monkeypatch.delattr(ConfigStore, "__deepcopy__")
    assert deepcopy(ConfigStore.instance()) is not ConfigStore.instance()
    assert OmegaConf.to_yaml(composed(*words)) == shared


def test_changing_what_was_composed_changes_no_later_composition() -> None:
    before = OmegaConf.to_yaml(composed())
    config = composed("hydra.sweep.dir=elsewhere", "hydra.launcher._target_=nowhere")
    with open_dict(config):
        config.hydra.launcher = None
        config.hydra.help.template = "no help"
        config.hydra.searchpath = ["file:///elsewhere"]
    assert OmegaConf.to_yaml(composed()) == before
