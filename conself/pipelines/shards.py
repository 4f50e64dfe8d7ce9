"""Shards, the unit of work, of progress and of what a kill can cost."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

from rich.console import Console

from conself.records import Candidate, ModelRef, Pool, Problem, Trace
from conself.runtime.progress import Meter
from conself.runtime.workers import HereFirst, Workers
from conself.sandbox import Job, Limits, Result, Summary
from conself.sandbox import execute as run_jobs
from conself.sandbox.journal import Journal
from conself.sandbox.prefix import with_prefix
from conself.store.tables import read_notes, read_records, read_traces, write_records, write_traces

SHARD = 50
"""Problems per shard."""

Item = TypeVar("Item")


class Runtime(Protocol):
    """How a sampler wants its work cut: speed and memory only."""

    @property
    def processes(self) -> int:
        """Worker processes that draw at once."""

    @property
    def shards_per_task(self) -> int:
        """Shards that one call of the sampler streams through, so that an engine need not run dry between them."""


class Sampler(Protocol):
    """Draws candidates, group by group in the order of the problems, reading problems as it needs them."""

    @property
    def runtime(self) -> Runtime:
        """How to cut its work."""

    def __call__(self, problems: Iterable[Problem], model: Any) -> Iterator[list[Candidate]]:
        """One list of candidates per problem; ``model`` is a ModelRef, or None for a sampler that needs none."""


class Bench(Protocol):
    """What shard work needs of a job: its workers and its console."""

    @property
    def workers(self) -> Workers:
        """Processes to run shards in."""

    @property
    def console(self) -> Console:
        """Where progress is shown."""


def missing(folder: Path, name: str, items: Sequence[Item]) -> list[tuple[list[Item], Path]]:
    """The shards of ``items`` not yet on disk, each with the path of its table ``<name>-<first>-<size>.parquet``."""
    groups = [list(items[i : i + SHARD]) for i in range(0, len(items), SHARD)]
    shards = [(group, folder / f"{name}-{i * SHARD:07d}-{SHARD}.parquet") for i, group in enumerate(groups)]
    for stale in folder.glob(f"{name}-*"):
        whole = stale.with_suffix(".parquet")
        if whole not in {path for _, path in shards} or (stale != whole and whole.exists()):
            stale.unlink()  # cut to another size by another version, or a journal whose file is there
    return [(group, path) for group, path in shards if not path.exists()]


def sample_into(
    bench: Bench,
    folder: Path,
    name: str,
    label: str,
    sampler: Sampler,
    model: ModelRef | None,
    problems: Sequence[Problem],
) -> list[Candidate]:
    """Draw candidates for problems -> <name>-*.parquet in ``folder``; returns those of all shards, in order."""
    todo = missing(folder, name, problems)
    runtime = sampler.runtime
    size = max(1, min(runtime.shards_per_task, -(-len(todo) // runtime.processes)))
    tasks = [(sampler, model, todo[i : i + size]) for i in range(0, len(todo), size)]
    total = sum(len(group) for group, _ in todo)
    run_shards(bench, bench.workers.sized(runtime.processes), label, "tok", total, sample_shards, tasks)
    return read_records(folder, Candidate, name)


def sample_shards(
    sampler: Sampler, model: ModelRef | None, shards: Sequence[tuple[list[Problem], Path]]
) -> Iterator[tuple[int, int]]:
    """Draw candidates for shards in one stream; yields, per shard on disk, its numbers of problems and of tokens.

    Raises:
        ValueError: the sampler stops before the last problem; the shard at hand is not written.
    """
    drawn = sampler((problem for problems, _ in shards for problem in problems), model)
    for problems, path in shards:
        groups = list(islice(drawn, len(problems)))
        if len(groups) < len(problems):
            name = problems[len(groups)].id
            raise ValueError(f"{type(sampler).__name__} gave nothing for problem {name!r} and after")
        candidates = [candidate for group in groups for candidate in group]
        write_records(path, Candidate, candidates)
        yield len(problems), sum(c.n_tokens for c in candidates)


def run_shards(
    bench: Bench,
    workers: Workers | HereFirst,
    label: str,
    unit: str,
    total: int,
    function: Callable[..., Iterator[tuple[int, int]]],
    tasks: Sequence[tuple[Any, ...]],
) -> None:
    """Run ``function`` on every task by the workers, with a progress line that counts to ``total`` and ``unit``/s."""
    with Meter(bench.console, label, total, "problems", unit) as meter:
        for done, amount in workers.run(function, tasks):
            meter.add(done, amount)


@dataclass
class _Shard:
    """Problems whose traces belong into one file, what is known of them, and the journal that keeps it meanwhile."""

    problems: list[Problem]
    path: Path
    done: dict[str, Result] = field(default_factory=dict)
    journal: Journal | None = None

    def open(self, jobs: Sequence[Job], limits: Limits) -> list[Job]:
        """Take up what an earlier run has left in the journal; the jobs that are still to run."""
        self.journal = Journal(self.path.with_suffix(".journal"), limits)
        self.done = {result.job.id: result for result in self.journal.finished(jobs)}
        return [job for job in jobs if job.id not in self.done]

    def add(self, result: Result) -> None:
        """Keep a result on disk."""
        if self.journal is not None:
            self.journal.append(result)
        self.done[result.job.id] = result

    def close(self) -> None:
        """Give the journal back, so that this process can open it again after an error."""
        if self.journal is not None:
            self.journal.close()

    def finish(self) -> bool:
        """Write the file if all results are there, with their part of the summary; whether they are."""
        if len(self.done) < len(self.problems):
            return False
        results = [self.done[problem.id] for problem in self.problems]
        traces = [[Trace(r.job.id, index, outcomes) for index, outcomes in enumerate(r.rows)] for r in results]
        write_traces(self.path, traces, sum((Summary.of(result) for result in results), Summary()).as_dict())
        if self.journal is not None:
            self.journal.delete()
        self.done.clear()
        return True


def execute_into(
    bench: Bench, folder: Path, label: str, limits: Limits, problems: Sequence[Problem], candidates: Sequence[Candidate]
) -> dict[str, Any]:
    """Run candidates on their problems' inputs -> traces-*.parquet in ``folder``; returns the sandbox's summary.

    All shards go through one stream. A problem is on disk when it is done: in its shard's journal, which the shard's
    file replaces when its last problem is done.
    """
    drawn = _by_problem(candidates)
    shards = [_Shard(group, path) for group, path in missing(folder, "traces", problems)]
    home = {problem.id: shard for shard in shards for problem in shard.problems}
    with Meter(bench.console, label, len(home), "problems", "exec") as meter:

        def jobs() -> Iterator[Job]:
            for shard in shards:
                todo = shard.open([_job(problem, drawn[problem.id]) for problem in shard.problems], limits)
                meter.skip(len(shard.problems) - len(todo))
                if not shard.finish():
                    yield from todo

        try:
            for result in run_jobs(jobs(), limits, bench.workers.count):
                shard = home[result.job.id]
                shard.add(result)
                shard.finish()
                meter.add(1, sum(map(len, result.rows)))
        finally:
            for shard in shards:
                shard.close()
    return sum((Summary(**note) for note in read_notes(folder, "traces")), Summary()).as_dict()


def without_room(candidates: Iterable[Candidate]) -> int:
    """How many candidates are empty because their prompt fills the model's context."""
    return sum(c.finish_reason == "length" and c.n_tokens == 0 for c in candidates)


def _by_problem(candidates: Iterable[Candidate]) -> dict[str, list[Candidate]]:
    found: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        found.setdefault(candidate.problem_id, []).append(candidate)
    return found


def _job(problem: Problem, candidates: Sequence[Candidate]) -> Job:
    programs = tuple(None if c.code is None else with_prefix(problem.prefix, c.code) for c in candidates)
    return Job(problem.id, programs, problem.entry_point, problem.inputs)


def read_pools(problems: Path, candidates: Path, traces: Path) -> list[Pool]:
    """Problems joined with their candidates and traces, in the problems' order, from three artifacts' folders."""
    drawn = read_records(candidates, Candidate, "candidates")
    return pools_of(read_records(problems, Problem, "problems"), drawn, read_traces(traces, "traces"))


def pools_answered(folder: Path) -> list[Pool]:
    """A benchmark's problems joined with the answers to them and their traces, from the folder of an ``evaluate``."""
    answers = read_records(folder, Candidate, "answers")
    return pools_of(read_records(folder, Problem, "problems"), answers, read_traces(folder, "traces"))


def pools_of(
    problems: Sequence[Problem], candidates: Iterable[Candidate], traces: Mapping[str, list[Trace]]
) -> list[Pool]:
    """Problems joined with their candidates and traces, in the problems' order."""
    drawn = _by_problem(candidates)
    return [Pool(p, drawn[p.id], traces[p.id]) for p in problems]
