"""Convert configs to plain data."""

from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from conself.sandbox.jsonlines import Json


def to_plain(node: DictConfig | ListConfig) -> Json:
    """Convert a config node to lists, dicts and plain values, with interpolations resolved."""
    plain: Any = OmegaConf.to_container(node, resolve=True)
    return plain  # type: ignore[no-any-return]


def settings_of(config: DictConfig) -> dict[str, Json]:
    """Convert a node with keys to a dict."""
    return {
        str(key): to_plain(node) if isinstance(node, DictConfig | ListConfig) else node for key, node in config.items()
    }
