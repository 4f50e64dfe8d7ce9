"""Execute candidates shard by shard: journaled problem by problem, and reused from earlier work if possible."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from conself.agreement.jobs import job_of
from conself.pipelines.executed import Executed, give, take
from conself.pipelines.pools import PoolShard, by_problem
from conself.pipelines.shards import Bench, missing
from conself.pipelines.tasks import run_tasks
from conself.records import Candidate, Problem, Trace
from conself.runtime.progress import Meter
from conself.sandbox import Job, Limits, Result, Summary
from conself.sandbox import execute as run_jobs
from conself.sandbox.journal import Journal
from conself.sandbox.jsonlines import Plain
from conself.store.tables import count, items_in, read_notes, read_shard, write_traces

_WALLS = "walls"
"""In the note of a table: the isolation that its programs had, on whatever machine."""

Target = tuple[PoolShard, Path]
"""A shard, and the path of its table of traces."""


def execute_into(
    bench: Bench, folder: Path, label: str, limits: Limits, shards: Sequence[PoolShard], done: Executed
) -> dict[str, Plain]:
    """Run candidates on their problems' inputs -> traces-*.parquet in ``folder``; return the sandbox's summary.

    A task runs shards on all cores of a machine. Shards run before, for any artifact, come from the cache ``done``.

    Raises:
        ChildProcessError: a machine's process was killed; or shards are lost: names their problems.
    """
    todo, machines = missing(folder, "traces", shards), bench.executor.machines()
    tasks = [(limits, machines.threads, done, targets) for targets in dealt(todo, machines.workers)]
    left = sum(count(shard.problems) for shard, _ in todo)
    with Meter(bench.console, label, left, "problems", "exec") as meter:
        for ran, executions, reused in run_tasks(machines, execute_shards, tasks):
            before = min(reused, left)  # a shard that is tried again reports once more what was done of it
            now = min(ran, left - before)
            left -= before + now
            meter.skip(before)
            meter.add(now, executions)
    done.tidy()
    return sum((Summary(**_counts(note)) for note in read_notes(folder, "traces")), Summary()).as_dict()


def walls_in(folder: Path, usual: str) -> str:
    """Return the isolation of the programs whose traces lie in ``folder``: of each kind of machine, if they differ.

    Tables of earlier versions do not say, and had the ``usual`` one.
    """
    isolations = dict.fromkeys(str(note.get(_WALLS, usual)) for note in read_notes(folder, "traces"))
    return "; ".join(sorted(isolations)) or usual


def _counts(note: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in note.items() if name != _WALLS}


def dealt(todo: Sequence[Target], machines: int) -> list[Sequence[Target]]:
    """Divide shards into tasks. On one machine a single task streams through all, so that no core waits in between.

    On several each shard is a task, the one with the most executions first: what comes last is short.
    """
    if machines == 1:
        return [todo] if todo else []
    return [[target] for target in sorted(todo, key=lambda target: -_executions(target[0]))]


def _executions(shard: PoolShard) -> int:
    """Those of its candidates on all inputs, as if each problem had equally many candidates."""
    return items_in(shard.problems, "inputs") * count(shard.candidates) // max(1, count(shard.problems))


def execute_shards(
    limits: Limits, cores: int, done: Executed, targets: Sequence[Target]
) -> Iterator[tuple[int, int, int]]:
    """Run the candidates of shards in one stream, by a sandbox of ``cores`` processes.

    A problem is on disk when it is done: in a journal beside the table of its shard, which takes the journal's place
    when its last problem is done. Yields the numbers of problems run, of executions, and of problems already on disk.

    Raises:
        IsolationError, RuntimeError: as :func:`conself.sandbox.execute`.
        OSError: another process runs one of these shards, or there is no room on the disk.
    """
    done = done.here(limits)
    begun: list[_Shard] = []
    home: dict[str, _Shard] = {}
    reused = 0

    def jobs() -> Iterator[Job]:
        nonlocal reused
        for source, path in targets:
            shard = _Shard.of(source, path, limits, done)
            if shard.take():
                reused += len(shard.names)
                continue
            begun.append(shard)
            left = shard.open(limits)
            reused += len(shard.names) - len(left)
            if not shard.finish():
                home.update(dict.fromkeys((job.id for job in left), shard))
                yield from left

    try:
        for result in run_jobs(jobs(), limits, cores):
            shard = home.pop(result.job.id)
            shard.add(result)
            shard.finish()
            yield 1, sum(map(len, result.rows)), reused
            reused = 0
        yield 0, 0, reused
    finally:
        for shard in begun:
            shard.close()


@dataclass
class _Shard:
    """The jobs whose traces belong into one file, their results so far, and the journal that keeps these meanwhile."""

    names: list[str]
    jobs: list[Job]
    path: Path
    earlier: Path
    walls: str
    done: dict[str, Result] = field(default_factory=dict)
    journal: Journal | None = None

    @classmethod
    def of(cls, source: PoolShard, path: Path, limits: Limits, done: Executed) -> "_Shard":
        by_id = by_problem(read_shard(source.candidates, Candidate))
        jobs = [
            job_of(problem, (candidate.code for candidate in by_id[problem.id]))
            for problem in read_shard(source.problems, Problem)
        ]
        return cls([job.id for job in jobs], jobs, path, done.place(jobs, limits), done.walls)

    def take(self) -> bool:
        """Take the file of the same jobs from the cache; return whether it was there."""
        was_cached = take(self.earlier, self.path, len(self.names))
        if was_cached:
            self.path.with_suffix(".journal").unlink(missing_ok=True)  # of a run that was killed, before another did it
        return was_cached

    def open(self, limits: Limits) -> list[Job]:
        """Resume from the journal of an earlier run; return the jobs that are still to run."""
        self.journal = Journal(self.path.with_suffix(".journal"), limits)
        self.done = {result.job.id: result for result in self.journal.finished(self.jobs)}
        left = [job for job in self.jobs if job.id not in self.done]
        self.jobs = []  # they may be large, and each is kept in its result
        return left

    def add(self, result: Result) -> None:
        """Keep a result on disk."""
        if self.journal is not None:
            self.journal.append(result)
        self.done[result.job.id] = result

    def close(self) -> None:
        """Close the journal, so that this process can open it again after an error."""
        if self.journal is not None:
            self.journal.close()

    def finish(self) -> bool:
        """Write the table once all results are there, with their part of the summary; return whether they are."""
        if len(self.done) < len(self.names):
            return False
        results = [self.done[name] for name in self.names]
        traces = [[Trace(r.job.id, index, outcomes) for index, outcomes in enumerate(r.rows)] for r in results]
        counts = sum((Summary.of(result) for result in results), Summary()).as_dict()
        write_traces(self.path, traces, {**counts, _WALLS: self.walls})
        give(self.path, self.earlier)
        if self.journal is not None:
            self.journal.delete()
        self.done.clear()
        return True
