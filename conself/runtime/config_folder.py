"""The folder of the configs: ``conself/conf`` in an installed package, ``conf/`` beside the package in a checkout."""

from pathlib import Path

from hydra.core.config_store import ConfigStore

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "conf"

CONF = str(_INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "conf")
"""Absolute, so that Hydra finds it however a command is started."""

# Whoever lists a group of configs gets a repository of its own, for which Hydra 1.3 copies its store of structured
# configs as well: 160 times for one --help, more than half of the time it takes. The store is a singleton and copies
# whatever it hands out (``ConfigStore.load``), so that it can be shared.
setattr(ConfigStore, "__deepcopy__", lambda self, _memo: self)  # noqa: B010  # it has no such method to replace
