"""Modules that programs can import, loaded before any untrusted code runs. Standard library only."""

import contextlib
import importlib
import os
import random
import sys
from collections.abc import Callable, Sequence

from .canonical import register

COMMON = (
    "bisect collections copy functools heapq io itertools json math operator os random re string struct sys threading "
    "time types typing"
)
"""Modules of the standard library that a runner finds loaded.

Each makes every fork dearer by some microseconds; one that is not here costs a program that imports it a millisecond.
"""
OTHERS = (
    "abc argparse array asyncio atexit base64 binascii bz2 calendar cmath cmd codecs collections.abc colorsys "
    "concurrent.futures contextlib contextvars copyreg csv ctypes dataclasses datetime decimal difflib dis doctest "
    "email.message encodings.ascii encodings.cp1252 encodings.idna encodings.latin_1 encodings.utf_16 encodings.utf_32 "
    "encodings.utf_8_sig enum errno fileinput fnmatch fractions getopt getpass gettext glob graphlib gzip hashlib hmac "
    "html html.parser inspect ipaddress keyword linecache locale logging lzma multiprocessing numbers optparse pathlib "
    "pickle pkgutil platform posixpath pprint queue quopri reprlib resource sched secrets select selectors shlex "
    "shutil signal socket sqlite3 stat statistics stringprep subprocess symtable tempfile textwrap timeit token "
    "tokenize traceback unicodedata unittest urllib.parse uuid warnings weakref xml.etree.ElementTree zipfile zlib "
    "zoneinfo"
)
"""Further ones, for where a runner can load nothing any more."""


def preload(names: str) -> None:
    """Import modules, named in one text; those that this Python was built without are skipped."""
    for name in names.split():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def load(names: Sequence[str], site: Sequence[str]) -> list[str]:
    """Import the packages from the folders ``site``; return the files and folders that programs must be able to read.

    Afterwards the folders are removed from the path: only the loaded packages, with their submodules, can be imported.
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
    """Register conversions for loaded packages: numpy's values are recorded as builtin ones.

    Returns a function that seeds the random number generators of the standard library and of numpy.
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
    """Return the path of a top-level module in one of the folders, with the folder of its bundled libraries, if any."""
    module = sys.modules[name]
    if "." in name:
        return []
    found = [*getattr(module, "__path__", []), getattr(module, "__file__", None)]
    paths = [path for path in found if isinstance(path, str) and path.startswith(tuple(site))]
    libraries = [os.path.join(folder, f"{name}.libs") for folder in site]
    return paths + [path for path in libraries if os.path.isdir(path)]
