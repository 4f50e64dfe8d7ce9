"""What a data set is."""

from collections.abc import Iterator
from typing import Protocol

from conself.datasets.validation import Problems
from conself.oracles import EvalPlusOracle, Oracle, TestOracle


class Dataset(Problems, Protocol):
    """Problems, and what is right where that is known.

    Two class attributes are optional: ``places`` names the settings that only say where local files lie, which stand in
    no key, for ``fingerprint`` covers what they lead to; ``whole`` is the name of the benchmark that the data set is.
    """

    def oracles(self) -> Iterator[Oracle | TestOracle | EvalPlusOracle]:
        """What is right, of the problems of which it is known: for analysis and evaluation alone."""
        ...
