"""Problems written by a model: the artifact of stage ``propose`` as a data set."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from conself.oracles import Oracle
from conself.records import Problem
from conself.store.tables import read_records

_NAME = "problems"


@dataclass(frozen=True)
class Generated:
    """The problems of an artifact's folder (``problems*.parquet``), or of one such file.

    Claimed outputs are not included: they are in another table of the artifact.

    ``path`` None means the problems that the job itself proposes, with ``pipeline=proposed``.

    Raises:
        FileNotFoundError: there is no such folder or file, or no table of problems in it.
        ValueError: ``path`` is None and the job proposes nothing, or the file holds something else.
    """

    places: ClassVar[tuple[str, ...]] = ("path",)

    path: str | None

    def __call__(self) -> Iterator[Problem]:
        """Yield the problems, in the order in which they were proposed."""
        return iter(self._problems())

    def oracles(self) -> Iterator[Oracle]:
        """Yield nothing: the right outputs are unknown."""
        return iter(())

    def statements(self) -> Iterator[str]:
        """Yield the statements of its problems."""
        return (problem.statement for problem in self._problems())

    def fingerprint(self) -> str:
        """Hash the problems with SHA-256, independent of paths and the number of tables."""
        rows = [asdict(problem) for problem in self._problems()]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def _problems(self) -> list[Problem]:
        if self.path is None:
            raise ValueError("dataset.path is null: set it to the folder of a propose artifact, or pipeline=proposed")
        path = Path(self.path).expanduser()
        is_table = path.is_file() and path.suffix == ".parquet"
        tables = [path] if is_table else sorted(path.glob(f"{_NAME}*.parquet"))
        if not tables:
            raise FileNotFoundError(
                f"dataset.path: there is no table of problems at {self.path!r}; "
                "set it to the folder of a propose artifact, or to a problems*.parquet of one"
            )
        return [problem for table in tables for problem in _read(table)]


def _read(table: Path) -> list[Problem]:
    try:
        return read_records(table.parent, Problem, table.stem)
    except (TypeError, ValueError) as error:  # other columns, or no Parquet at all
        raise ValueError(f"dataset.path: {table} is no table of problems ({error})") from error
