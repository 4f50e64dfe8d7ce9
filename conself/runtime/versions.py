"""The versions of packages that affect results, for the manifests of artifacts and for ``results.json``."""

import platform
from importlib.metadata import PackageNotFoundError, version

from conself import __version__

_PACKAGES = ("torch", "transformers", "peft", "lightning", "hydra-core", "pyarrow")


def versions() -> dict[str, str]:
    """Return the versions of ConSelf, Python and the packages that affect results, by package name.

    ConSelf's own version comes from its code, so that a tree that is not installed has one too. A package without
    metadata (put on the path by hand) is ``unknown``: the end of a job is too late to refuse it.
    """
    return {"conself": __version__, "python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
