"""Grade the tests that a model writes, ``pipeline=written_tests``, by reference solutions and their mutants."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar

from omegaconf import DictConfig
from rich.console import Console

from conself.agreement.comparison import Comparison
from conself.agreement.jobs import job_of
from conself.benchmarks.references import references
from conself.benchmarks.task import Benchmark, Task
from conself.benchmarks.written_tests import figures, grade, inputs_of
from conself.engines.engine import Engine
from conself.generated_tests.reader import TestReader
from conself.models.transformers import check_model
from conself.mutators.kills import kills
from conself.mutators.mutants import mutants
from conself.pipelines.context import Context, give_back, tell
from conself.pipelines.parts import Drawing, Source
from conself.pipelines.pipeline import Job
from conself.pipelines.pools import by_problem
from conself.pipelines.sampling import sample_into, without_room
from conself.pipelines.stage import Summary, Work, stage
from conself.pipelines.testing import read_all
from conself.records import Candidate, GradedReply, ModelRef, Outcome, Problem, Status
from conself.results import names
from conself.results.show_written_tests import show_written_tests
from conself.runtime.parts import build
from conself.runtime.plain import to_plain
from conself.runtime.versions import versions
from conself.samplers.sampler import Sampler
from conself.samplers.tester import Tester
from conself.sandbox import Job as SandboxJob
from conself.sandbox import execute
from conself.sandbox.jobs import Limits
from conself.sandbox.jsonlines import Plain
from conself.store.artifacts import Artifact
from conself.store.tables import read_records, write_records
from conself.tracking import Tracker


@dataclass(frozen=True)
class WrittenTests:
    """Write tests of every benchmark's problems, and grade them by the reference solutions."""

    kind: ClassVar[str] = "evaluate"
    parts: ClassVar[Sequence[str]] = ("model", "engine", "writer", "benchmark", "comparison", "writing")
    limits: ClassVar[Sequence[str]] = ()
    first: ClassVar[str | None] = "engine"

    def optional(self, job: Job) -> Collection[str]:  # noqa: ARG002
        """Return no parts: all are required."""
        return ()

    def headlines(self, job: Job) -> Sequence[str]:  # noqa: ARG002
        """Return no headlines."""
        return ()

    def check(self, job: Job) -> None:
        """Check that the sampler writes tests, that ``writing`` is valid, and that the engine can load the model.

        Raises:
            OSError: the model does not exist.
            ValueError: the sampler writes no tests, the engine cannot load the model, or a number is out of range.
        """
        config = job.config
        check_writing(config)
        engine, model = build(config.engine, Engine), build(config.model, ModelRef)
        if engine.loads_model:
            check_model(model)
            engine.check_model(model)

    def load(self, job: Job, console: Console) -> None:
        """Do nothing: workers load the model."""

    def work(self, job: Job, context: Context, tracker: Tracker) -> dict[str, Plain]:  # noqa: ARG002
        """Sample and grade replies, and return the figures of ``results.json``.

        Raises:
            ValueError: a benchmark has no reference solutions.
        """
        config, model = job.config, build(job.config.model, ModelRef)
        drawing = Drawing.of(config.writer, config.engine, model)
        graded = {str(name): written(context, config, str(name), drawing, "base") for name in config.benchmark}
        return {
            "model": to_plain(config.model),
            "benchmarks": {name: {"written_tests": dict(tests.summary())} for name, tests in graded.items()},
            "seconds": context.seconds,
            "peak_memory": context.peaks,
            "artifacts": {name: artifact.key for name, artifact in context.artifacts.items()},
            "versions": versions(),
        }

    def show(self, console: Console, figures: dict[str, Plain]) -> None:
        """Print accuracy, the share of unparsable replies, and the mutation score."""
        show_written_tests(console, figures)


def check_writing(config: DictConfig) -> None:
    """Check that ``writer`` writes tests, and the numbers in ``writing``.

    Raises:
        ValueError: it writes none, or a number is out of range.
    """
    if not isinstance(build(config.writer, Sampler), Tester):
        raise ValueError("writer is asked for tests; set sampler@writer=tester")
    for name, least in (("n_mutants", 0), ("inputs", 1), ("seed", 0)):
        if type(config.writing[name]) is not int or config.writing[name] < least:
            raise ValueError(f"writing.{name} must be an int of {least} or more, got {config.writing[name]!r}")


@dataclass(frozen=True, slots=True)
class StoredMutant:
    """A problem's reference solution with one change, or (``index`` 0) the reference solution itself."""

    problem_id: str
    index: int
    code: str


def written(context: Context, config: DictConfig, name: str, drawing: Drawing, who: str) -> Artifact:
    """Have a model write tests of a benchmark's problems, and grade them; the summary has the figures.

    ``config`` holds benchmark (by name), writing and comparison.
    """
    source, writing = Source.of(config.benchmark[name], Benchmark), config.writing
    settings = (writing.n_mutants, writing.inputs, writing.seed)
    stored = _store(context, names.mutants(name), source, *settings, config.comparison, writing.limits)
    label = names.written(name, who)
    return _grade(context, label, source, drawing, writing.reader, config.comparison, writing.limits, stored)


@stage("mutants", version=1)
def _store(
    work: Work,
    benchmark: Source[Benchmark],
    n_mutants: int,
    inputs: int,
    seed: int,
    comparison: DictConfig,
    limits: DictConfig,
) -> Summary:
    """Store reference solutions, and their mutants that behave differently -> mutants-*.parquet."""
    task, compared = benchmark.part(), build(comparison, Comparison)
    solutions = references(task)
    if not solutions:
        raise ValueError(
            f"{benchmark.node['_target_']} has no reference solutions to measure tests by; take "
            "benchmark=[humaneval_plus,mbpp_plus], or another whose data set has programs"
        )
    problems = {problem.id: problem for problem in task.problems if problem.id in solutions}
    changed = {
        name: mutants(solutions[name], problem.entry_point, n_mutants, seed) if n_mutants else ()
        for name, problem in problems.items()
    }
    jobs = [job_of(p, (solutions[name], *changed[name]), p.inputs[:inputs]) for name, p in problems.items()]
    rows: list[StoredMutant] = []
    failing = 0
    for name, (original, *others) in _run(work, jobs, limits).items():
        differing = [any(row) for row in kills(original, others, compared, problems[name].entry_point is None)]
        kept = [code for code, differs in zip(changed[name], differing, strict=True) if differs]
        failing += any(outcome.status is not Status.OK for outcome in original)
        rows += [StoredMutant(name, k, code) for k, code in enumerate((solutions[name], *kept))]
    dropped = sum(map(len, changed.values())) - (len(rows) - len(problems))
    write_records(work.folder / "mutants-all.parquet", StoredMutant, rows)
    counts = {"problems": len(problems), "mutants": len(rows) - len(problems), "equivalent": dropped}
    return {**counts, "without_reference": len(task.problems) - len(problems), "failing_references": failing}


def _run(work: Work, jobs: Sequence[SandboxJob], limits: DictConfig) -> dict[str, list[tuple[Outcome, ...]]]:
    """Run the jobs; return problem id -> the outcomes of each of its programs, in the order of the jobs."""
    ran = execute(jobs, build(limits, Limits), work.context.executor.machines().threads)
    outcomes = {result.job.id: list(result.rows) for result in ran}
    return {job.id: outcomes[job.id] for job in jobs}


@stage("written_tests", version=3)
def _grade(
    work: Work,
    benchmark: Source[Benchmark],
    writer: Drawing,
    reader: DictConfig,
    comparison: DictConfig,
    limits: DictConfig,
    mutants: Artifact,
) -> Summary:
    """Sample replies, run stored programs on their inputs, and grade -> replies-*, graded-all.parquet; give figures."""
    give_back()
    task, part, compared = benchmark.part(), build(reader, TestReader), build(comparison, Comparison)
    programs = stored_programs(mutants)
    problems = [problem for problem in task.problems if problem.id in programs]
    asked = (work.folder, "replies", "writing tests", writer.part, writer.model, problems)
    resumed = sample_into(work.context, *asked)
    sampled = read_records(work.folder, Candidate, "replies")
    replies = by_problem(sampled)
    read = {problem.id: read_all(part, problem, replies[problem.id]) for problem in problems}
    inputs = {problem.id: inputs_of(read[problem.id], problem.entry_point is None) for problem in problems}
    jobs = [job_of(problem, programs[problem.id], inputs[problem.id]) for problem in problems]
    ran = _run(work, jobs, limits)
    graded = {
        problem.id: grade(
            read[problem.id],
            inputs[problem.id],
            ran[problem.id][0],
            ran[problem.id][1:],
            compared,
            problem.entry_point is None,
        )
        for problem in problems
    }
    rows = [GradedReply(name, _int(each.accurate), each.killed) for name, group in graded.items() for each in group]
    write_records(work.folder / "graded-all.parquet", GradedReply, rows)
    cut = sum(reply.finish_reason == "length" for reply in sampled)
    _tell(work, task, problems)
    counts = {"cut_at_limit": cut, "no_room": without_room(sampled), "problems": len(problems)}
    return {**asdict(figures(graded)), **counts, **resumed}


def _int(flag: bool | None) -> int | None:  # one column of a table
    return None if flag is None else int(flag)


def stored_programs(mutants: Artifact) -> Mapping[str, tuple[str, ...]]:
    """Return problem id -> its reference solution, then its mutants."""
    programs: dict[str, list[str]] = {}
    for row in read_records(mutants.path, StoredMutant, "mutants"):
        programs.setdefault(row.problem_id, []).append(row.code)
    return {name: tuple(codes) for name, codes in programs.items()}


def _tell(work: Work, task: Task, problems: Sequence[Problem]) -> None:
    unused = len(task.problems) - len(problems)
    tell(work.context, f"{len(problems)} problems", {"no reference solution": unused} if unused else {})
