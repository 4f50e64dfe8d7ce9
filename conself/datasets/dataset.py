"""The contract of a data set."""

from collections.abc import Iterator
from typing import Protocol

from conself.datasets.validation import Problems
from conself.oracles import EvalPlusOracle, Oracle, TestOracle


class Dataset(Problems, Protocol):
    """Problems, and oracles of those whose right outputs are known.

    Two class attributes are optional: ``places`` names the settings that hold paths of local files, which are left out
    of keys because ``fingerprint`` covers the files; ``whole`` is the name of the benchmark that the data set is.
    """

    def oracles(self) -> Iterator[Oracle | TestOracle | EvalPlusOracle]:
        """Yield the oracles of problems that have one: for analysis and evaluation alone."""
        ...
