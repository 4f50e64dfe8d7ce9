"""LeetCodeDataset: methods of ``class Solution``, with right programs and tests; split here into three parts."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.agreement.comparison import Comparison
from conself.datasets.decontamination import Index
from conself.datasets.files.rows import BadRow, Files, Row
from conself.datasets.leetcode_rows import Method, read_row
from conself.datasets.row_reader import RowReader
from conself.datasets.validation import Rejected
from conself.harness.reference_outputs import Reference, Unusable, reference_outputs
from conself.oracles import Oracle
from conself.records import Problem

SPLITS = ("train", "validation", "test")
HELD_OUT = "stated in the validation or test split"

# No setting, and not the run's comparison: which rows can be used is a fact of the file, the same for all runs.
_SAME = Comparison(
    list_equals_tuple=True, numbers="by_value", floats="tolerance", float_digits=6, split_whitespace=True
)


@dataclass(frozen=True)
class LeetCode:
    """One split of the problems of a file; ids are LeetCode's own names (``two-sum``).

    Problems are sorted by the SHA-256 of their ids: the first ``test_size`` are the test split, the next
    ``validation_size`` the validation split, and the others the training split, except those that contain the statement
    of a problem of the other two. A problem whose own solution does not pass its tests is dropped.

    Args:
        split: ``train``, ``validation`` or ``test``.
        validation_size, test_size: numbers of problems, before any is dropped.
        decontaminate_words: see ``min_words`` in :mod:`conself.datasets.decontamination`, for the other two splits.
        path, repo, revision, files: see :class:`conself.datasets.files.rows.Files`.
        strict: stop at the first row that cannot be used.

    Raises:
        OSError: the files cannot be read.
        ValueError: unknown split, a size or ``decontaminate_words`` below 1, no such file, or an unusable row and
            ``strict`` is set.
    """

    places: ClassVar[tuple[str, ...]] = ("path",)

    split: str
    validation_size: int
    test_size: int
    decontaminate_words: int
    path: str | None
    repo: str
    revision: str
    files: Sequence[str]
    strict: bool

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ValueError(f"dataset.split must be one of {', '.join(SPLITS)}, got {self.split!r}")
        if min(self.validation_size, self.test_size, self.decontaminate_words) < 1:
            raise ValueError(
                "dataset.validation_size, dataset.test_size and dataset.decontaminate_words must be 1 or more"
            )

    def __call__(self) -> Iterator[Problem | Rejected]:
        """Yield the problems of the split in the file's order, and dropped records, with the reason."""
        for item in self._usable():
            yield item if isinstance(item, Rejected) else item.problem

    def oracles(self) -> Iterator[Oracle]:
        """Yield the expected outputs of the same problems, in the same order: for analysis and evaluation alone."""
        for item in self._usable():
            if isinstance(item, Method):
                yield Oracle(item.problem.id, item.expected)

    def statements(self) -> Iterator[str]:
        """Yield the statements of the split's rows."""
        return (item.problem.statement for item in self._rows() if isinstance(item, Method))

    def fingerprint(self) -> str:
        """Return the identity of the content: of the files, and of the settings that define this split of them."""
        part = [self.split, self.validation_size, self.test_size, self.decontaminate_words]
        return hashlib.sha256(json.dumps([self._files().fingerprint(), *part]).encode()).hexdigest()

    def _files(self) -> Files:
        return Files(self.path, self.repo, self.revision, tuple(self.files))

    def _reader(self) -> RowReader:
        return RowReader(self.path or self.repo, self.strict)

    def _usable(self) -> Iterator[Method | Rejected]:
        rows = list(self._rows())
        methods = [item for item in rows if isinstance(item, Method)]
        references = (Reference(m.program, str(m.problem.entry_point), m.problem.inputs) for m in methods)
        outputs = iter(reference_outputs(tuple(references)))
        for item in rows:
            yield item if isinstance(item, Rejected) else self._checked(item, next(outputs))

    def _checked(self, method: Method, outputs: tuple[str | None, ...] | Unusable) -> Method | Rejected:
        if isinstance(outputs, Unusable):
            return self._reader().reject(method.problem.id, outputs.reason, "run its completion by hand to see why")
        pairs = zip(outputs, method.expected, strict=True)
        if all(got is not None and _SAME.equal(got, wanted, False) for got, wanted in pairs):
            return method
        return self._reader().reject(method.problem.id, "its own solution does not pass its tests", "another value")

    def _rows(self) -> Iterator[Method | Rejected]:
        """Yield the rows of the split; malformed ones, whose split is unknown, count as training rows."""
        rows = list(self._files().rows())
        split_of = self._splits([row for row in rows if not isinstance(row, BadRow)])
        reader = self._reader()
        records = [reader.read(row, read_row, number) for number, row in enumerate(rows, start=1)]
        places = [(item, split_of.get(item.problem.id if isinstance(item, Method) else item.id)) for item in records]
        held_out = [item.problem.statement for item, split in places if isinstance(item, Method) and split != "train"]
        index = Index.of(held_out, self.decontaminate_words)
        for item, split in places:
            if (split or "train") != self.split:
                continue
            if self.split == "train" and isinstance(item, Method) and index.matches(item.problem.statement):
                yield Rejected(item.problem.id, HELD_OUT)
            else:
                yield item

    def _splits(self, rows: Sequence[Row]) -> dict[str, str]:
        """Map problem ids to splits."""
        ids = {str(row["task_id"]) for row in rows if isinstance(row, dict) and "task_id" in row}
        ordered = sorted(ids, key=lambda name: hashlib.sha256(name.encode()).digest())
        ends = self.test_size, self.test_size + self.validation_size
        places = {"test": ordered[: ends[0]], "validation": ordered[ends[0] : ends[1]], "train": ordered[ends[1] :]}
        return {name: split for split, names in places.items() for name in names}
