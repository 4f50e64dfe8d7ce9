"""Third-party packages that programs may import: loaded before anything untrusted runs. Standard library only."""

import importlib
import os
import random
import sys
from collections.abc import Callable, Sequence

from .canonical import register


def load(names: Sequence[str], site: Sequence[str]) -> list[str]:
    """Import the packages from the folders ``site`` and give the files and folders that programs must be able to read.

    Afterwards the folders are off the path again: only what was loaded, with its own submodules, can be imported.
    Raises ImportError, with a remedy, if one cannot be loaded or starts threads, which would make forking unsound.
    """
    if not names:
        return []
    before = set(sys.modules)
    sys.path.extend(site)
    try:
        for name in names:
            importlib.import_module(name)
    except Exception as error:
        raise ImportError(
            f"sandbox.packages: {name} cannot be imported ({type(error).__name__}: {error}); install it into "
            f"{' or '.join(site)}, or take it off the list"
        ) from error
    finally:
        del sys.path[-len(site) :]
        sys.path_importer_cache.clear()
    if len(os.listdir("/proc/self/task")) > 1:
        raise ImportError(f"sandbox.packages: one of {', '.join(names)} starts threads when it is imported")
    return sorted({path for name in set(sys.modules) - before for path in _files(name, site)})


def adapt() -> Callable[[], None]:
    """Make what is loaded fit in: numpy's values are recorded as builtin ones.

    Returns what puts the generators of random numbers, of the standard library and of numpy, in their fixed state.
    """
    seeds: list[Callable[[int], object]] = [random.seed]
    if "numpy" in sys.modules:
        numpy, numbers = importlib.import_module("numpy"), importlib.import_module("numpy.random")
        seeds.append(numbers.seed)
        register(numpy.ndarray, numpy.ndarray.tolist)
        for kind in set(numpy.sctypeDict.values()):
            register(kind, kind.item)

    def seed() -> None:
        for function in seeds:
            function(0)

    return seed


def _files(name: str, site: Sequence[str]) -> list[str]:
    """Where a top-level module of one of the folders lies, with the folder of its bundled libraries if it has one."""
    module = sys.modules[name]
    if "." in name:
        return []
    found = [*getattr(module, "__path__", []), getattr(module, "__file__", None)]
    paths = [path for path in found if isinstance(path, str) and path.startswith(tuple(site))]
    libraries = [os.path.join(folder, f"{name}.libs") for folder in site]
    return paths + [path for path in libraries if os.path.isdir(path)]
