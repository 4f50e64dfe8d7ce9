"""Configs as plain data."""

from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from conself.sandbox.jsonlines import Json


def to_plain(node: DictConfig | ListConfig) -> Json:
    """A config node without interpolations, as lists, dicts and plain values."""
    found: Any = OmegaConf.to_container(node, resolve=True)
    return found  # type: ignore[no-any-return]


def settings_of(config: DictConfig) -> dict[str, Json]:
    """The same of a node with keys."""
    return {
        str(key): to_plain(node) if isinstance(node, DictConfig | ListConfig) else node for key, node in config.items()
    }
