"""LiveCodeBench's code generation, lite: problems of LeetCode, AtCoder and Codeforces by release date."""

import builtins
import importlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from conself.datasets.apps_format.rows import Record, oracles_of, problems_of, records, text
from conself.datasets.files.rows import Files, Row
from conself.datasets.private_tests import private_tests, read_tests
from conself.datasets.validation import Rejected
from conself.oracles import LiveCodeBenchOracle, Oracle
from conself.records import Problem
from conself.sandbox.jsonlines import parse_json

_SOURCE = "livecodebench"
OUTSIDE = "outside the date window"

_STARS = (
    "string re datetime collections heapq bisect copy math random statistics itertools functools operator io sys json"
)
"""The modules of which the benchmark's own harness imports everything, in its order, before it imports them by name."""

_PASSING = ("last_exc", "last_type", "last_value", "last_traceback", "ps1", "ps2", "tracebacklimit")
"""Names of sys that exist only sometimes."""


def _prelude() -> str:
    """Write the imports that the harness grants every program, with the names of each ``import *`` spelled out.

    As there, a later import wins; builtins come last, and a module wins over a name in it that is the same (``copy``,
    ``datetime``, ``random``). Names in both typing and collections are taken from collections.
    """
    modules = _STARS.split()
    owner: dict[str, str] = {}
    for module in [*modules, "typing"]:
        loaded = importlib.import_module(module)
        public = getattr(loaded, "__all__", None) or [name for name in vars(loaded) if not name.startswith("_")]
        owner.update((name, module) for name in public if module != "typing" or owner.get(name) != "collections")
    for name in [*dir(builtins), *modules, *_PASSING]:
        owner.pop(name, None)
    names = {module: sorted(name for name in owner if owner[name] == module) for module in [*modules, "typing"]}
    lines = [f"from {module} import {', '.join(bound_names)}\n" for module, bound_names in names.items() if bound_names]
    return "".join(lines) + f"import {', '.join(modules)}\nsys.setrecursionlimit(50000)\n"


PREFIX = _prelude()
"""Put before every program, reduced to the names in its text (:mod:`conself.sandbox.prefix`)."""


@dataclass(frozen=True)
class LiveCodeBench:
    """The problems of a release, with public and private tests; ids are ``livecodebench/<question_id>``.

    Args:
        version: ``release_v5`` is the first five data files.
        path, repo, revision: see :class:`conself.datasets.files.rows.Files`.
        strict: stop at the first malformed record.
        max_tests_mb: bound on the private tests of one problem, unpacked, in MiB.
        start, end: the first and last release day of problems (``2024-10-01``); None: no bound.

    Raises:
        ValueError: the version is no release, the bound is below 1, or ``start`` and ``end`` are no days in this order.
    """

    places: ClassVar[tuple[str, ...]] = ("path",)

    version: str
    path: str | None
    repo: str
    revision: str
    strict: bool
    max_tests_mb: int
    start: str | None
    end: str | None

    def __post_init__(self) -> None:
        self._patterns()
        if self.max_tests_mb < 1:
            raise ValueError(f"dataset.max_tests_mb must be 1 or more, got {self.max_tests_mb}")
        start, end = _day(self.start, "dataset.start"), _day(self.end, "dataset.end")
        if start is not None and end is not None and start > end:
            raise ValueError(f"dataset.start={self.start} is after dataset.end={self.end}")

    def __call__(self) -> Iterator[Problem | Rejected]:
        """Yield the problems in file order, with difficulties, without expected outputs.

        Raises:
            OSError: data files cannot be read; with the remedy.
            ValueError: as OSError; or a record is malformed and ``strict`` is set.
        """
        return problems_of(self._records())

    def oracles(self) -> Iterator[Oracle]:
        """Yield the expected outputs of the same problems in the same order."""
        return oracles_of(self._records())

    def statements(self) -> Iterator[str]:
        """Yield the statements; tests are not unpacked."""
        return (
            row["question_content"]
            for row in self._files().rows()
            if isinstance(row, dict) and isinstance(row.get("question_content"), str)
        )

    def fingerprint(self) -> str:
        """Return the identity of the content of the release's files."""
        return self._files().fingerprint()

    def _records(self) -> Iterator[Record]:
        return records(self._files().rows(), self._convert, _SOURCE, self.strict)

    def _convert(self, row: Row, name: str) -> Record:
        identity = text(row, "question_id")
        if not identity:
            raise ValueError("question_id is missing")
        if not self._is_inside(row):
            return Rejected(f"{_SOURCE}/{identity}", OUTSIDE)
        metadata = parse_json(text(row, "metadata") or "{}")
        if not isinstance(metadata, dict):
            raise ValueError("metadata must be a JSON object")
        function = metadata.get("func_name")
        if function is not None and not isinstance(function, str):
            raise ValueError("func_name must be text")
        public = parse_json(text(row, "public_test_cases") or "[]")
        private = private_tests(text(row, "private_test_cases") or "[]", self.max_tests_mb << 20)
        pairs = [pair for tests in (public, private) for pair in read_tests(tests, function is not None)]
        name = f"{_SOURCE}/{identity}"
        statement, starter_code = text(row, "question_content"), text(row, "starter_code")
        inputs, expected = tuple(pair.input for pair in pairs), tuple(pair.expected for pair in pairs)
        difficulty = text(row, "difficulty")
        problem = Problem(name, statement, starter_code, function, inputs, _SOURCE, difficulty, PREFIX)
        return problem, LiveCodeBenchOracle(name, expected)

    def _is_inside(self, row: Row) -> bool:
        """Return whether the problem was released between the two days, inclusive; ValueError if the day is unknown."""
        if self.start is None and self.end is None:
            return True
        day = _day(text(row, "contest_date")[:10], "contest_date")
        start, end = _day(self.start, "dataset.start"), _day(self.end, "dataset.end")
        return day is not None and (start is None or start <= day) and (end is None or day <= end)

    def _files(self) -> Files:
        return Files(self.path, self.repo, self.revision, self._patterns())

    def _patterns(self) -> tuple[str, ...]:
        release = re.fullmatch(r"release_v([1-9]\d?)", self.version)
        if release is None:
            raise ValueError(f"dataset.version must be release_v<number>, such as release_v5, got {self.version!r}")
        return ("test.jsonl", *(f"test{number}.jsonl" for number in range(2, int(release[1]) + 1)))


def _day(value: str | None, name: str) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{name} must be a day such as 2024-10-01, got {value!r}") from None
