"""What is worked out per pool, shard by shard: what its candidates agree on, then every metric of uncertainty."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.agreement.consensus import Consensus, consensus_of, trace_keys
from conself.pipelines.pools import PoolShard
from conself.pipelines.shards import Bench, missing, run_shards
from conself.records import Pool, Uncertainty, Undefined, Verdict
from conself.runtime.workers import HereFirst
from conself.store.tables import count, read_consensus, read_records, write_consensus, write_records

Metric = Callable[[Pool, Consensus], float | Undefined]
"""Higher is more uncertain. What a metric needs of the candidates' behaviour has been worked out once, for all."""


def agree_into(
    bench: Bench, folder: Path, comparison: Comparison, behaviour: Behaviour, shards: Sequence[PoolShard]
) -> tuple[int, int]:
    """What the candidates of each pool agree on -> consensus-*.parquet in ``folder``.

    Returns, over all pools, the number of live candidates and that of clusters.

    Raises:
        ValueError: a pool's candidates, traces and inputs are not equally many.
    """
    todo = missing(folder, "consensus", shards)
    total = sum(count(shard.problems) for shard, _ in todo)
    tasks = [(comparison, behaviour, shard, path) for shard, path in todo]
    run_shards(bench, HereFirst(bench.workers), "comparing", "problems", total, agree_shard, tasks)
    alive = clusters = 0
    for path in sorted(folder.glob("consensus-*.parquet")):  # one at a time
        for agreed in read_consensus(folder, path.stem).values():
            alive, clusters = alive + agreed.n_alive, clusters + len(agreed.clusters)
    return alive, clusters


def agree_shard(
    comparison: Comparison, behaviour: Behaviour, shard: PoolShard, path: Path
) -> Iterator[tuple[int, int]]:
    """The agreement in the pools of one shard; yields the number of problems, twice."""
    pools = shard.read()
    write_consensus(path, {pool.problem.id: agreement(pool, comparison, behaviour) for pool in pools})
    yield len(pools), len(pools)


def agreement(pool: Pool, comparison: Comparison, behaviour: Behaviour) -> Consensus:
    """What the candidates of a pool agree on, when outputs compare and behaviour counts like this.

    Raises:
        ValueError: the pool's candidates, traces and inputs are not equally many.
    """
    return consensus_of(behaviour(trace_keys(pool, comparison), pool.problem.entry_point is None))


def voted(
    pools: Iterable[Pool], verdicts: Sequence[Verdict], comparison: Comparison, behaviour: Behaviour
) -> list[Verdict]:
    """Of each problem's verdicts that on the answer of highest consensus score: functional majority voting.

    A problem whose answers all crash is not solved.
    """
    found = []
    for pool, verdict in zip(pools, verdicts, strict=True):
        best = agreement(pool, comparison, behaviour).winner
        found.append(Verdict(verdict.problem_id, verdict.difficulty, (best is not None and verdict.passed[best],)))
    return found


def score_into(
    bench: Bench, folder: Path, name: str, metric: Metric, shards: Sequence[PoolShard], loads_model: bool
) -> int:
    """One metric on pools -> uncertainty-*.parquet in ``folder``; returns on how many it is undefined.

    One that ``loads_model`` does so in the workers, each on a thread of its own; others are too quick to be handed out.
    """
    workers = bench.workers if loads_model else HereFirst(bench.workers)
    todo = missing(folder, "uncertainty", shards)
    total = sum(count(shard.problems) for shard, _ in todo)
    tasks = [(metric, name, shard, path) for shard, path in todo]
    run_shards(bench, workers, name.replace("_", " "), "problems", total, score_shard, tasks)
    return sum(row.value is None for row in read_records(folder, Uncertainty, "uncertainty"))


def score_shard(metric: Metric, name: str, shard: PoolShard, path: Path) -> Iterator[tuple[int, int]]:
    """One metric on the pools of one shard; yields the number of problems, twice (one value each).

    Raises:
        ValueError: a value is not finite; names the problem.
    """
    pools, agreed = shard.read(), shard.agreed()
    values = [(pool.problem.id, _finite(metric(pool, agreed[pool.problem.id]), name, pool)) for pool in pools]
    rows = [
        Uncertainty(i, name, None, v.reason) if isinstance(v, Undefined) else Uncertainty(i, name, v, None)
        for i, v in values
    ]
    write_records(path, Uncertainty, rows)
    yield len(pools), len(pools)


def _finite(value: float | Undefined, name: str, pool: Pool) -> float | Undefined:
    if isinstance(value, Undefined) or math.isfinite(value):
        return value
    raise ValueError(
        f"metric {name} is {value} on problem {pool.problem.id}; it must be finite, or Undefined and say why"
    )
