"""The base of data sets in APPS' format: files in, clean problems out."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from conself.datasets.apps_format.rows import Record, oracles_of, problems_of, records
from conself.datasets.apps_format.rules import Preprocessing
from conself.datasets.decontamination import Stated, fingerprints, matcher
from conself.datasets.files.rows import Files, Row
from conself.datasets.validation import Rejected
from conself.oracles import Oracle
from conself.records import Problem


@dataclass(frozen=True)
class AppsFormat:
    """One split of a data set with the fields ``question``, ``starter_code``, ``input_output``, ``difficulty``.

    Problem ids are ``<source>-<split>/<number in the split>``.

    Args:
        split: part of the names; the data files are chosen by ``files``.
        path, repo, revision, files: see :class:`conself.datasets.files.rows.Files`.
        strict: stop at the first malformed record. Problems dropped by rules are not malformed.
        preprocessing: which problems and tests are kept.
        decontaminate: benchmarks whose problems are dropped, by name; read together with the problems. None: no
            benchmark.
        decontaminate_words: see ``min_words`` in :mod:`conself.datasets.decontamination`.
        prefix: code put before every program when it is executed: the imports that the data set's harness grants.
    """

    source: ClassVar[str]
    places: ClassVar[tuple[str, ...]] = ("path",)

    split: str
    path: str | None
    repo: str
    revision: str
    files: Sequence[str]
    strict: bool
    preprocessing: Preprocessing
    decontaminate: Mapping[str, Stated] | None
    decontaminate_words: int
    prefix: str

    def __post_init__(self) -> None:
        self._files()  # a wrong setting is reported when the part is built

    def __call__(self) -> Iterator[Problem | Rejected]:
        """Yield the problems in file order, without expected outputs; and dropped records, with the reason.

        Raises:
            OSError: data files, or those of a benchmark, cannot be read; with the remedy.
            ValueError: as OSError; or a record is malformed and ``strict`` is set.
        """
        return problems_of(self._records())

    def oracles(self) -> Iterator[Oracle]:
        """Yield the expected outputs of the same problems in the same order: for analysis alone."""
        return oracles_of(self._records())

    def statements(self) -> Iterator[str]:
        """Yield the statements of the whole split, before any rule."""
        return (row["question"] for row in self._files().rows() if isinstance(row, dict) and row.get("question"))

    def fingerprint(self) -> str:
        """Return the identity of the content: of the data files, and of the benchmarks for decontamination."""
        identities = [self._files().fingerprint(), fingerprints(self.decontaminate or {})]
        return hashlib.sha256(json.dumps(identities).encode()).hexdigest()

    def _records(self) -> Iterator[Record]:
        stated_in = matcher(self.decontaminate or {}, self.decontaminate_words)

        def convert(row: Row, name: str) -> Record:
            record = self.preprocessing.convert(row, name, self.source)
            if isinstance(record, Rejected):
                return record
            problem, oracle = record
            reason = stated_in(problem.statement)
            return (replace(problem, prefix=self.prefix), oracle) if reason is None else Rejected(name, reason)

        return records(self._files().rows(), convert, f"{self.source}-{self.split}", self.strict)

    def _files(self) -> Files:
        return Files(self.path, self.repo, self.revision, self.files)
