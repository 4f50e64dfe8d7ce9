"""A pool read problem by problem, shard by shard: memory does not grow with the number of problems."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import pyarrow.parquet as pq

from conself.agreement.traces import Agreement
from conself.records import Candidate, Pool, Problem, Trace
from conself.store.tables import read_agreement, read_records, read_traces

_BATCH = 50  # problems read at once

Item = TypeVar("Item")


class Shards(Generic[Item]):
    """The contents of a folder's shards ``<name>*.parquet`` per problem, served in (about) their own order.

    A shard is read when one of its problems is first requested, and released as its problems are taken.
    """

    def __init__(self, folder: Path, name: str, read: Callable[[Path], dict[str, Item]]) -> None:
        self._where = f"{folder}/{name}*.parquet"
        self._paths = iter(sorted(folder.glob(f"{name}*.parquet")))
        self._read = read
        self._held: dict[str, Item] = {}

    def take(self, problem: str) -> Item:
        """Return the contents for a problem; raise ValueError if there are none."""
        while problem not in self._held:
            path = next(self._paths, None)
            if path is None:
                raise ValueError(f"{self._where} has nothing of problem {problem!r}; run the job that made it again")
            self._held |= self._read(path)
        return self._held.pop(problem)


def problems(folder: Path) -> Iterator[Problem]:
    """Yield the problems of a ``problems`` artifact in its order, a few in memory at a time."""
    for path in sorted(folder.glob("problems*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(batch_size=_BATCH):
            for row in batch.to_pylist():
                values: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in row.items()}
                yield Problem(**values)


def pools(problems_at: Path, candidates_at: Path, traces_at: Path, agreed_at: Path) -> Iterator[tuple[Pool, Agreement]]:
    """Yield each problem of four artifacts with its candidates, traces and agreement, in the problems' order.

    Raises:
        ValueError: a problem has no candidates, traces or agreement; names it.
    """
    candidates = Shards(candidates_at, "candidates", _candidates)
    outcomes = Shards(traces_at, "traces", _traces)
    agreed = Shards(agreed_at, "agreement", _agreed)
    for problem in problems(problems_at):
        yield (
            Pool(problem, candidates.take(problem.id), outcomes.take(problem.id)),
            agreed.take(problem.id),
        )


def answers(folder: Path) -> Shards[list[Candidate]]:
    """Return the answers of an ``evaluate`` artifact, by problem."""
    return Shards(folder, "answers", _candidates)


def traces(folder: Path) -> Shards[list[Trace]]:
    """Return the traces of the answers of an ``evaluate`` artifact, by problem."""
    return Shards(folder, "traces", _traces)


def count(folder: Path) -> int:
    """Return the number of problems of a ``problems`` artifact, from the files' metadata."""
    return sum(pq.read_metadata(path).num_rows for path in folder.glob("problems*.parquet"))


def pairs(folder: Path) -> dict[str, list[tuple[int, int | None]]]:
    """Return problem id -> (winner, loser) candidate indices of its pairs; the texts are not read."""
    found: dict[str, list[tuple[int, int | None]]] = {}
    columns = ["problem_id", "chosen_index", "rejected_index"]
    for path in sorted(folder.glob("pairs*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(columns=columns):
            for row in batch.to_pylist():
                found.setdefault(row["problem_id"], []).append((row["chosen_index"], row["rejected_index"]))
    return found


def _candidates(path: Path) -> dict[str, list[Candidate]]:
    found: dict[str, list[Candidate]] = {}
    for candidate in read_records(path.parent, Candidate, path.stem):
        found.setdefault(candidate.problem_id, []).append(candidate)
    return found


def _traces(path: Path) -> dict[str, list[Trace]]:
    return read_traces(path.parent, path.stem)


def _agreed(path: Path) -> dict[str, Agreement]:
    return read_agreement(path.parent, path.stem)
