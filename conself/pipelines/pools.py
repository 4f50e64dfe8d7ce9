"""Pools by path: what is known of them lies in artifacts, and a shard is read where it is worked on."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from conself.agreement.consensus import Consensus
from conself.pipelines.stage import FromArtifacts
from conself.records import Candidate, Pool, Problem
from conself.store.artifacts import Artifact
from conself.store.tables import count, read_consensus, read_shard, read_traces, shard_ends

_KEPT = 20
"""Shards that a process keeps in memory after it has read them: the next metric reads them again."""


@dataclass(frozen=True)
class PoolShard:
    """The files of one shard: problems, candidates, traces, and what the candidates agree on where that is known."""

    problems: Path
    candidates: Path
    traces: Path
    consensus: Path | None = None

    def read(self) -> list[Pool]:
        """Its pools, in the order of the problems."""
        return _read(self.problems, self.candidates, self.traces)

    def agreed(self) -> dict[str, Consensus]:
        """What the candidates agree on, by problem id.

        Raises:
            ValueError: the shard does not say.
        """
        if self.consensus is None:
            raise ValueError(f"{self.traces} was not asked what its candidates agree on")
        return _agreed(self.consensus)


@dataclass(frozen=True)
class Pools(FromArtifacts):
    """The pools that three artifacts hold: problems, their candidates, and what these did."""

    problems: Artifact
    candidates: Artifact
    traces: Artifact

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """The three, of which a key is made."""
        return {"problems": self.problems, "candidates": self.candidates, "traces": self.traces}

    def shards(self) -> list[PoolShard]:
        """The shards, in the order of the problems."""
        return shards_of(self.problems.path, "candidates", self.candidates.path, self.traces.path)

    def __len__(self) -> int:
        return sum(count(shard.problems) for shard in self.shards())

    def __iter__(self) -> Iterator[Pool]:
        return (pool for shard in self.shards() for pool in shard.read())


@dataclass(frozen=True)
class AgreedPools(FromArtifacts):
    """Pools with what their candidates agree on."""

    pools: Pools
    agreement: Artifact

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """All four."""
        return {**self.pools.artifacts, "agreement": self.agreement}

    def shards(self) -> list[PoolShard]:
        """The shards, in the order of the problems."""
        own = self.pools
        return shards_of(own.problems.path, "candidates", own.candidates.path, own.traces.path, self.agreement.path)

    def __iter__(self) -> Iterator[tuple[Pool, Consensus]]:
        for shard in self.shards():
            agreed = shard.agreed()
            for pool in shard.read():
                yield pool, agreed[pool.problem.id]

    def of(self, names: Container[str]) -> Iterator[tuple[Pool, Consensus]]:
        """The pools of some problems alone, in the order of the problems."""
        return (pair for pair in self if pair[0].problem.id in names)


def shards_of(
    problems: Path, name: str, candidates: Path, traces: Path, agreement: Path | None = None
) -> list[PoolShard]:
    """The shards in artifacts' folders; ``name`` is what the tables of candidates are called."""
    return [
        PoolShard(
            problems / f"problems{place}",
            candidates / f"{name}{place}",
            traces / f"traces{place}",
            None if agreement is None else agreement / f"consensus{place}",
        )
        for place in shard_ends(problems, "problems")
    ]


def answered(folder: Path) -> Iterator[Pool]:
    """A benchmark's problems joined with the answers to them and their traces, from the folder of an ``evaluate``."""
    return (pool for shard in shards_of(folder, "answers", folder, folder) for pool in shard.read())


@lru_cache(_KEPT)
def _read(problems: Path, candidates: Path, traces: Path) -> list[Pool]:
    drawn = by_problem(read_shard(candidates, Candidate))
    did = read_traces(traces.parent, traces.stem)
    return [Pool(p, drawn[p.id], did[p.id]) for p in read_shard(problems, Problem)]


@lru_cache(_KEPT)
def _agreed(path: Path) -> dict[str, Consensus]:
    return read_consensus(path.parent, path.stem)


def by_problem(candidates: Iterable[Candidate]) -> dict[str, list[Candidate]]:
    """Candidates by the id of their problem, in order."""
    found: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        found.setdefault(candidate.problem_id, []).append(candidate)
    return found
