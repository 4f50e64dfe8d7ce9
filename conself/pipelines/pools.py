"""Pools by path: their data stay in artifacts, and each worker reads the shard it works on."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar, cast, overload

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.pipelines.stage import FromArtifacts
from conself.records import Candidate, Pool, Problem, Trace
from conself.store.artifacts import Artifact
from conself.store.tables import count, read_agreement, read_shard, read_traces, shard_ends

Row = TypeVar("Row")
Value = TypeVar("Value")

_KEPT = 20
"""Shards that a process keeps: a small pool is read once, a large one again by each metric, for little memory."""


@dataclass(frozen=True)
class PoolShard:
    """The files of one shard: problems, candidates, traces, and the agreement if it has been computed.

    ``passing`` is the file of passing matrices, if the problems have generated tests.
    """

    problems: Path
    candidates: Path
    traces: Path
    agreement: Path | None = None
    passing: Path | None = None

    def read(self) -> list[Pool]:
        """Read the pools, in the order of the problems; candidates and traces are loaded on first access.

        Raises:
            ValueError: a file is missing or lacks a problem.
        """
        candidates, traces = _Table(self.candidates, _candidates), _Table(self.traces, _traces)
        return [Pool(p, _Rows(candidates, p.id), _Rows(traces, p.id)) for p in _cached(self.problems, _problems)]

    def agreed(self) -> dict[str, Agreement]:
        """Read the candidates' agreement, with their passing matrices if there are any, by problem id.

        Raises:
            ValueError: the shard has no agreement file.
        """
        if self.agreement is None:
            raise ValueError(f"the agreement of the candidates of {self.traces} has not been computed")
        agreed = _cached(self.agreement, _agreement)
        if self.passing is None:
            return agreed
        tested = _cached(self.passing, read_passing)
        return {name: replace(agreement, passing=tested[name]) for name, agreement in agreed.items()}


@dataclass(frozen=True, slots=True)
class PassingRow:
    """A problem's passing matrix: per candidate a text with 1 (passes), 0 (fails) or - (does not run) for each test."""

    problem_id: str
    cells: tuple[str, ...]


_CELLS: dict[bool | None, str] = {True: "1", False: "0", None: "-"}
_OF_CELLS = {text: cell for cell, text in _CELLS.items()}


def row_of(problem_id: str, matrix: PassingMatrix) -> PassingRow:
    """Convert a matrix to a row."""
    return PassingRow(problem_id, tuple("".join(_CELLS[cell] for cell in row) for row in matrix.cells))


def read_passing(path: Path) -> dict[str, PassingMatrix | None]:
    """Read the matrices of a shard, by problem id; None for a problem without tests."""
    rows = read_shard(path, PassingRow)
    return {row.problem_id: _matrix(row.cells) if any(row.cells) else None for row in rows}


def _matrix(cells: Sequence[str]) -> PassingMatrix:
    return PassingMatrix(tuple(tuple(_OF_CELLS[cell] for cell in row) for row in cells))


@dataclass
class _Table(Generic[Row]):
    """A shard's table, read on demand and looked up by problem id."""

    path: Path
    read: Callable[[Path], dict[str, list[Row]]]

    def of(self, problem: str) -> list[Row]:
        try:
            return _cached(self.path, self.read)[problem]
        except KeyError:
            raise _broken(self.path, f"it has nothing on problem {problem!r}") from None


@dataclass(frozen=True)
class _Rows(Sequence[Row]):
    """One problem's rows in a table."""

    table: _Table[Row]
    problem: str

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | Sequence[Row]:
        return self.table.of(self.problem)[place]

    def __len__(self) -> int:
        return len(self.table.of(self.problem))

    def __iter__(self) -> Iterator[Row]:
        return iter(self.table.of(self.problem))


@dataclass(frozen=True)
class Pools(FromArtifacts):
    """The pools in three artifacts: problems, candidates and traces."""

    problems: Artifact
    candidates: Artifact
    traces: Artifact

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """The three artifacts, which go into keys."""
        return {"problems": self.problems, "candidates": self.candidates, "traces": self.traces}

    def shards(self) -> list[PoolShard]:
        """List the shards, in the order of the problems."""
        return shards_of(self.problems.path, "candidates", self.candidates.path, self.traces.path)

    def __len__(self) -> int:
        return sum(count(shard.problems) for shard in self.shards())

    def __iter__(self) -> Iterator[Pool]:
        return (pool for shard in self.shards() for pool in shard.read())


@dataclass(frozen=True)
class AgreedPools(FromArtifacts):
    """Pools with the agreement of their candidates."""

    pools: Pools
    agreement: Artifact
    passing: Artifact | None = None

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """All four artifacts, and ``passing`` if the problems have generated tests."""
        tested = {} if self.passing is None else {"passing": self.passing}
        return {**self.pools.artifacts, "agreement": self.agreement, **tested}

    def shards(self) -> list[PoolShard]:
        """List the shards, in the order of the problems."""
        own, passing = self.pools, None if self.passing is None else self.passing.path
        shards = shards_of(own.problems.path, "candidates", own.candidates.path, own.traces.path, self.agreement.path)
        if passing is None:
            return shards
        return [replace(each, passing=passing / each.problems.name.replace("problems", "passing")) for each in shards]

    def __iter__(self) -> Iterator[tuple[Pool, Agreement]]:
        for shard in self.shards():
            agreed = shard.agreed()
            for pool in shard.read():
                yield pool, agreed[pool.problem.id]

    def of(self, names: Container[str]) -> Iterator[tuple[Pool, Agreement]]:
        """Iterate over the pools of the named problems, in the order of the problems."""
        return (pair for pair in self if pair[0].problem.id in names)


def shards_of(
    problems: Path, name: str, candidates: Path, traces: Path, agreement: Path | None = None
) -> list[PoolShard]:
    """List the shards in the folders of artifacts; ``name`` is the prefix of the candidates' tables."""
    return [
        PoolShard(
            problems / f"problems{place}",
            candidates / f"{name}{place}",
            traces / f"traces{place}",
            None if agreement is None else agreement / f"agreement{place}",
        )
        for place in shard_ends(problems, "problems")
    ]


def answered(folder: Path) -> Iterator[Pool]:
    """Join a benchmark's problems with their answers and traces, from the folder of an ``evaluate`` artifact."""
    return (pool for shard in shards_of(folder, "answers", folder, folder) for pool in shard.read())


def _problems(path: Path) -> list[Problem]:
    return read_shard(path, Problem)


def _candidates(path: Path) -> dict[str, list[Candidate]]:
    return by_problem(read_shard(path, Candidate))


def _traces(path: Path) -> dict[str, list[Trace]]:
    return read_traces(path.parent, path.stem)


def _agreement(path: Path) -> dict[str, Agreement]:
    return read_agreement(path.parent, path.stem)


def _cached(path: Path, read: Callable[[Path], Value]) -> Value:
    """Read a file, cached until it changes."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        raise _broken(path, "there is no such file") from None
    return cast(Value, _kept(path, read, (stat.st_mtime_ns, stat.st_size, stat.st_ino)))


@lru_cache(4 * _KEPT)
def _kept(path: Path, read: Callable[[Path], Any], state: tuple[int, int, int]) -> Any:  # noqa: ARG001  # of the file
    return read(path)


def forget() -> None:
    """Clear the cache of files: they will not be needed again."""
    _kept.cache_clear()


def _broken(path: Path, why: str) -> ValueError:
    return ValueError(f"{path}: {why}; remove {path.parent}, and give the same command again")


def by_problem(candidates: Iterable[Candidate]) -> dict[str, list[Candidate]]:
    """Group candidates by problem id, in order."""
    groups: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault(candidate.problem_id, []).append(candidate)
    return groups
