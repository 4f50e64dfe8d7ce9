"""The folder of the configs: ``conself/conf`` in an installed package, ``conf/`` beside the package in a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_INSTALLED = _PACKAGE / "conf"

CONF = str(_INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parent / "conf")
"""Absolute, so that Hydra finds it however a command is started."""
