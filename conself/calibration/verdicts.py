"""Verdicts on programs by the oracles of a data set, kept inside this room."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from conself.agreement.comparison import Comparison
from conself.benchmarks.task import Judge
from conself.datasets.dataset import Dataset
from conself.records import Pool


@dataclass(frozen=True)
class Verdicts:
    """Judge programs of the problems with an oracle in ``dataset``; values are compared under ``comparison``."""

    dataset: Dataset
    comparison: Comparison

    @cached_property
    def _judge(self) -> Judge:
        return Judge({oracle.problem_id: oracle for oracle in self.dataset.oracles()}, self.comparison)

    @property
    def known(self) -> frozenset[str]:
        """Return the ids of the problems that have an oracle."""
        return frozenset(self._judge.oracles)

    def __call__(self, pools: Sequence[Pool], workers: int) -> dict[str, list[bool]]:
        """Return problem id -> whether each program is right by its trace, for problems with an oracle only.

        Raises:
            ValueError: as :meth:`conself.benchmarks.task.Judge.parts`.
        """
        return self._judge([(pool.problem, pool.traces) for pool in pools if pool.problem.id in self.known], workers)


def drawn(ids: Iterable[str], use: str, seed: int, count: int) -> list[str]:
    """Return the first ``count`` ids ordered by SHA-256 of (use, seed, id); ``use`` separates draws."""
    return sorted(ids, key=lambda name: hashlib.sha256(json.dumps([use, seed, name]).encode()).digest())[:count]
