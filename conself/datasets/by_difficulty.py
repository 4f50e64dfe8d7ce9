"""A seeded sample of another data set, with a given number of problems of each difficulty."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from conself.datasets.dataset import Dataset
from conself.datasets.validation import Rejected, sift
from conself.oracles import EvalPlusOracle, Oracle, TestOracle
from conself.records import Problem


@dataclass(frozen=True)
class ByDifficulty:
    """Samples ``counts[difficulty]`` usable problems of each difficulty from ``dataset``.

    Chosen are the first by SHA-256(seed, id), in the data set's order. Problems of other difficulties are left out.

    Raises:
        OSError: as ``dataset``.
        ValueError: as ``dataset``; a count is below 1, or ``dataset`` has too few usable problems of a difficulty.
    """

    dataset: Dataset
    counts: Mapping[str, int]
    seed: int

    def __post_init__(self) -> None:
        if not self.counts or any(type(count) is not int or count < 1 for count in self.counts.values()):
            raise ValueError(
                f"dataset.counts must give an int of at least 1 for each difficulty, got {dict(self.counts)}; "
                "~dataset.counts.DIFFICULTY leaves one out"
            )

    def __call__(self) -> Iterator[Problem | Rejected]:
        """Yield the chosen problems, and the records that the data set drops, with reasons."""
        records = list(self.dataset())
        chosen = self._chosen([item for item in records if isinstance(item, Problem)])
        return (item for item in records if isinstance(item, Rejected) or item.id in chosen)

    def oracles(self) -> Iterator[Oracle | TestOracle | EvalPlusOracle]:
        """Yield the oracles of all problems of the data set: for analysis and evaluation alone."""
        return self.dataset.oracles()

    def statements(self) -> Iterator[str]:
        """Yield the statements of the whole data set, for decontamination that does not depend on the seed."""
        return self.dataset.statements()

    def fingerprint(self) -> str:
        """Return the identity of the data set's content."""
        try:
            return self.dataset.fingerprint()
        except (OSError, ValueError) as error:
            kind = ValueError if isinstance(error, ValueError) else OSError
            raise kind(str(error).replace("dataset.path", "dataset.dataset.path")) from error

    def _chosen(self, problems: list[Problem]) -> set[str]:
        groups: dict[str, list[str]] = defaultdict(list)
        for problem in sift(problems)[0]:
            groups[problem.difficulty].append(problem.id)
        if short := {level: len(groups[level]) for level, count in self.counts.items() if len(groups[level]) < count}:
            listed = ", ".join(f"{n_usable} of {level!r} for {self.counts[level]}" for level, n_usable in short.items())
            available = ", ".join(f"{level!r}: {len(ids)}" for level, ids in groups.items()) or "none at all"
            raise ValueError(
                f"too few usable problems: {listed}; there are {available}; lower dataset.counts.DIFFICULTY, "
                "leave one out by ~dataset.counts.DIFFICULTY, or set dataset.dataset.path to the whole data set"
            )
        return {name for level, count in self.counts.items() for name in sorted(groups[level], key=self._rank)[:count]}

    def _rank(self, name: str) -> bytes:
        return hashlib.sha256(f"{self.seed}\0{name}".encode()).digest()
