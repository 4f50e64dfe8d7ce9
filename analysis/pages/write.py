"""A page per problem and a searchable index of them, for any number of problems, offline.

``<out>/problems/<pool>/index.html`` is one small page for all problems of a pool; their data lie beside it in parts
(:mod:`analysis.pages.files`) that the page loads when a problem is opened, so that no file grows with the number of
problems and none is read unnecessarily. Pages are written in one pass over the shards and made again only when the
artifacts, the runs that use them or the pages' own code change.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from conself.records import InputOrigin, Uncertainty
from conself.store.tables import read_records, read_verdicts

from ..runs import read_json
from . import stream
from .files import Parts, as_json, write_part
from .html import own_files, problems_page
from .pools import PoolSource, Taken
from .problem import TITLE, Choice, Known, index_row, problem_page

INDEX_PROBLEMS = 4_000
"""Problems per part of the index."""
_STAMP = "pages.json"

Advance = Callable[[int], object]


@dataclass(frozen=True)
class PoolPages:
    """The written pages of one pool.

    Attributes:
        pool: the pool shown.
        problems: number of problems.
        solvable: number of problems with a right candidate; None if no oracle is known.
        right: number of problems whose consensus winner is right.
        files, total, largest: number of data files, their bytes, and the bytes of the largest.
    """

    pool: PoolSource
    problems: int
    solvable: int | None
    right: int | None
    files: int
    total: int
    largest: int

    @property
    def href(self) -> str:
        """Return the path of the pages, relative to the report."""
        return f"problems/{self.pool.folder}/index.html"


def write_problem_pages(
    pools: Sequence[PoolSource], out: Path, advance: Callable[[PoolSource], Advance]
) -> list[PoolPages]:
    """Write the pages of every pool into ``out`` (``problems/``), and remove obsolete pages of earlier reports.

    ``advance(pool)`` returns a callback that takes the number of problems done.

    Raises:
        ValueError: an artifact is incomplete; names the missing part.
    """
    out.mkdir(parents=True, exist_ok=True)
    names = {pool.folder for pool in pools}
    for old in out.iterdir():
        if old.name not in names and (old / _STAMP).is_file():
            shutil.rmtree(old)
    return [_pages(pool, pools, out / pool.folder, advance(pool)) for pool in pools]


def _pages(pool: PoolSource, others: Sequence[PoolSource], folder: Path, advance: Advance) -> PoolPages:
    stamp = folder / _STAMP
    facts = _facts(pool, others)
    if stamp.is_file():
        written = _written(stamp)
        if written.pop("facts", None) == facts:
            advance(written["problems"])
            return PoolPages(pool, **written)
        shutil.rmtree(folder)
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    stamp.write_text(json.dumps({"facts": "not finished"}))
    pages, parts = _write_data(pool, data, advance)
    picks = [{"name": other.name, "folder": other.folder} for other in others]
    meta = _meta(pool, pages.problems, parts) | {"pools": picks}
    (folder / "index.html").write_text(problems_page(meta), encoding="utf-8")
    figures = {field.name: getattr(pages, field.name) for field in fields(pages) if field.name != "pool"}
    stamp.write_text(json.dumps({"facts": facts, **figures}))
    return pages


def _written(stamp: Path) -> dict[str, Any]:
    """Return the inputs that the pages were made from; {} if their report was killed before recording them."""
    try:
        found: dict[str, Any] = json.loads(stamp.read_text())
    except ValueError:
        return {}
    return found


def _facts(pool: PoolSource, others: Sequence[PoolSource]) -> str:
    """Return a digest of everything that the pages depend on."""
    known = [repr(pool), [(other.name, other.folder) for other in others], own_files()]
    return hashlib.sha256(json.dumps(known).encode()).hexdigest()


def _meta(pool: PoolSource, problems: int, parts: int) -> dict[str, Any]:
    return {
        "name": pool.name,
        "key": pool.key,
        "folder": pool.folder,
        "problems": problems,
        "index_parts": parts,
        "metrics": list(pool.metrics),
        "taken": [{"name": taken.name, "runs": list(taken.runs)} for taken in pool.taken],
        "judged": pool.verify is not None,
        "searched": TITLE,
    }


def _write_data(pool: PoolSource, data: Path, advance: Advance) -> tuple[PoolPages, int]:
    """Write the data files in one pass over the pool; return the pages and the number of the index's parts."""
    known = _known(pool)
    parts, index = Parts(data), _Index(data)
    solvable = right = 0
    for pool_of_one, agreed in stream.pools(pool.problems, pool.sample, pool.execute, pool.agree):
        facts = known(pool_of_one.problem.id)
        part, place = parts.add(problem_page(pool_of_one, agreed, facts))
        row = index_row(pool_of_one, agreed, facts)
        index.add(row | {"part": part, "place": place})
        solvable += bool(row["rate"])
        right += bool(row["right"])
        advance(1)
    parts.close()
    index.close()
    judged = pool.verify is not None
    pages = PoolPages(
        pool,
        problems=index.problems,
        solvable=solvable if judged else None,
        right=right if judged else None,
        files=parts.count + index.count,
        total=parts.total + index.total,
        largest=max(parts.largest, index.largest),
    )
    return pages, index.count


class _Index:
    """Writer of ``index-<n>.js``: rows are stored as columns, which compress better than rows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: list[Mapping[str, Any]] = []
        self.problems = self.count = self.total = self.largest = 0

    def add(self, row: Mapping[str, Any]) -> None:
        self._rows.append(row)
        self.problems += 1
        if len(self._rows) == INDEX_PROBLEMS:
            self.close()

    def close(self) -> None:
        if not self._rows:
            return
        columns = {key: [row[key] for row in self._rows] for key in self._rows[0]}
        size = write_part(self._folder, f"index-{self.count}", as_json(columns))
        self._rows = []
        self.count += 1
        self.total += size
        self.largest = max(self.largest, size)


def _known(pool: PoolSource) -> Callable[[str], Known]:
    """Return the data of each problem besides its pool: small enough to hold for all problems at once."""
    metrics = {label: _values(folder) for label, folder in pool.metrics.items()}
    verdicts = read_verdicts(pool.verify / "verdicts.jsonl") if pool.verify is not None else []
    passed = {verdict.problem_id: verdict.passed for verdict in verdicts}
    taken, origins = [_Choices(each) for each in pool.taken], _origins(pool.problems)

    def known(problem: str) -> Known:
        return Known(
            {label: values.get(problem, "not worked out") for label, values in metrics.items()},
            passed.get(problem),
            [each.of(problem) for each in taken],
            origins.get(problem, {}),
        )

    return known


def _origins(problems: Path) -> dict[str, dict[int, str]]:
    """Return problem id -> by index, how an input was made from an own one; nothing if all inputs are own ones."""
    found: dict[str, dict[int, str]] = {}
    for origin in read_records(problems, InputOrigin, "origins"):
        how = f"from input {origin.parent + 1}: {', '.join(origin.operators)}"
        found.setdefault(origin.problem_id, {})[origin.index] = how
    return found


def _values(folder: Path) -> dict[str, float | str]:
    rows: Iterable[Uncertainty] = read_records(folder, Uncertainty, "uncertainty")
    return {row.problem_id: row.value if row.value is not None else row.reason or "undefined" for row in rows}


class _Choices:
    """The result of one way of selecting and pairing for each problem."""

    def __init__(self, taken: Taken) -> None:
        selection = read_json(taken.select / "selection.json", dict)
        self._dropped: dict[str, str] = selection["dropped"]
        self._normalised: dict[str, float] = selection["normalised"]
        self._kept = set(selection["kept"])
        self._pairs = stream.pairs(taken.pair)

    def of(self, problem: str) -> Choice:
        reason = None if problem in self._kept else self._dropped.get(problem, "not in this selection")
        return Choice(reason, self._normalised.get(problem), self._pairs.get(problem, []))
