"""Work done per pool, shard by shard: the agreement of its candidates, then every metric of uncertainty."""

import math
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.agreement.pools import agreement
from conself.agreement.traces import Agreement
from conself.executors.executor import HereFirst
from conself.metrics.metric import Metric, TextMetric
from conself.models.hub import short_name
from conself.pipelines.pools import PoolShard
from conself.pipelines.shards import Bench, missing, run_shards
from conself.rankings.ranked import Ranking
from conself.records import ModelRef, Pool, Uncertainty, Undefined, Verdict
from conself.runtime.console import say
from conself.runtime.steps import Steps
from conself.store.tables import count, program_volume, read_agreement, read_records, write_agreement, write_records

Value = TypeVar("Value")


def agree_into(
    bench: Bench, folder: Path, comparison: Comparison, behaviour: Behaviour, shards: Sequence[PoolShard]
) -> tuple[int, int]:
    """Compute the agreement of each pool's candidates -> agreement-*.parquet in ``folder``.

    Returns the numbers of live candidates and of clusters, over all pools.

    Raises:
        ValueError: the numbers of a pool's candidates, traces and inputs do not match.
    """
    todo = missing(folder, "agreement", shards)
    total = sum(count(shard.problems) for shard, _ in todo)
    tasks = [(comparison, behaviour, shard, path) for shard, path in todo]
    run_shards(bench, HereFirst(bench.executor), "comparing", "problems", total, agree_shard, tasks)
    alive = clusters = 0
    for path in sorted(folder.glob("agreement-*.parquet")):  # one at a time
        for agreed in read_agreement(folder, path.stem).values():
            alive, clusters = alive + agreed.n_alive, clusters + len(agreed.clusters)
    return alive, clusters


def agree_shard(
    comparison: Comparison, behaviour: Behaviour, shard: PoolShard, path: Path
) -> Iterator[tuple[int, int]]:
    """Compute the agreement in the pools of one shard; yields the number of problems, twice."""
    pools = shard.read()
    write_agreement(path, {pool.problem.id: agreement(pool, comparison, behaviour) for pool in pools})
    yield len(pools), len(pools)


def voted(
    pools: Iterable[Pool], verdicts: Sequence[Verdict], comparison: Comparison, behaviour: Behaviour, ranking: Ranking
) -> list[Verdict]:
    """Select, of each problem's verdicts, that on the winner of a ranking (by consensus: functional majority voting).

    A problem without a winner, because all answers crash, for example, counts as not solved.
    """
    winners = []
    for pool, verdict in zip(pools, verdicts, strict=True):
        best = ranking(pool, agreement(pool, comparison, behaviour), None).winner
        winners.append(Verdict(verdict.problem_id, verdict.difficulty, (best is not None and verdict.passed[best],)))
    return winners


def score_into(
    bench: Bench, folder: Path, name: str, metric: Metric, shards: Sequence[PoolShard], models: Sequence[ModelRef]
) -> int:
    """Compute one metric on pools -> uncertainty-*.parquet in ``folder``; return for how many it is undefined.

    A metric that loads ``models`` runs in the workers, each on its own thread; others are too quick to distribute.
    The cost of running texts through a model is printed beforehand.

    Raises:
        OSError: a model's settings cannot be read.
    """
    executor = bench.executor if models else HereFirst(bench.executor)
    todo = missing(folder, "uncertainty", shards)
    total, noun, label = sum(count(shard.problems) for shard, _ in todo), "problems", name.replace("_", " ")
    if isinstance(metric, TextMetric) and todo:
        volume = [program_volume(shard.candidates) for shard, _ in todo]
        total, noun = sum(programs for programs, _ in volume), "programs"
        for model in models:
            say(bench.console, f"{label}: {cost(total, sum(characters for _, characters in volume), model)}")
    tasks = [(metric, name, shard, path) for shard, path in todo]
    run_shards(bench, executor, label, noun, total, score_shard, tasks, noun)
    return sum(row.value is None for row in read_records(folder, Uncertainty, "uncertainty"))


def cost(programs: int, characters: int, model: ModelRef) -> str:
    """Describe the cost of a text metric: programs, tokens (at four characters each), and the model with its size."""
    from conself.models.auxiliary import parameters

    size = parameters(model)
    about = f"{size / 1e9:.2f} B" if size >= 1e8 else f"{size / 1e6:.1f} M"
    tokens = f"about {characters // 4:,} tokens"
    return f"{programs:,} programs, {tokens} through {short_name(model)} ({about} parameters)"


def score_shard(metric: Metric, name: str, shard: PoolShard, path: Path) -> Iterator[tuple[int, int]]:
    """Compute one metric on the pools of one shard; yields, twice, the number of problems (TextMetric: programs) done.

    Raises:
        ValueError: a value is not finite; names the problem.
    """
    pools = shard.read()
    steps = metric.over(pools) if isinstance(metric, TextMetric) else _one_by_one(metric, pools, shard.agreed())
    values = yield from _twice(steps)
    rows = []
    for pool, value in zip(pools, values, strict=True):
        finite = _finite(value, name, pool)
        number, reason = (None, finite.reason) if isinstance(finite, Undefined) else (finite, None)
        rows.append(Uncertainty(pool.problem.id, name, number, reason))
    write_records(path, Uncertainty, rows)


def _one_by_one(
    metric: Metric, pools: Sequence[Pool], agreed: Mapping[str, Agreement]
) -> Steps[list[float | Undefined]]:
    values = []
    for pool in pools:
        values.append(metric(pool, agreed[pool.problem.id]))
        yield 1
    return values


def _twice(steps: Steps[Value]) -> Generator[tuple[int, int], None, Value]:
    """Yield each step's count twice: as the number done and as the amount of work."""
    while True:
        try:
            done = next(steps)
        except StopIteration as end:
            value: Value = end.value
            return value
        yield done, done


def _finite(value: float | Undefined, name: str, pool: Pool) -> float | Undefined:
    if isinstance(value, Undefined) or math.isfinite(value):
        return value
    raise ValueError(
        f"metric {name} is {value} on problem {pool.problem.id}; it must be finite, or Undefined and say why"
    )
