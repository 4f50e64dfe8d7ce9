"""Words of the command line that want an extra: what to install, told before Hydra says that a file is missing."""

import importlib.util

_WANTED = {"hydra/launcher=slurm": ("hydra_plugins.hydra_submitit_launcher", "slurm")}
"""Word -> the package that it wants, and the extra that brings it."""


def lacking(word: str) -> str | None:
    """What to say of a word whose package is not installed; None for all other words."""
    package, extra = _WANTED.get(word.lstrip("+"), (None, ""))
    if package is None or _is_there(package):
        return None
    return f"{word} needs {package.rpartition('.')[2]}, which is not installed: pip install 'conself[{extra}]'"


def _is_there(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:  # nor is the package that it would be in
        return False
