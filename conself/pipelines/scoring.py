"""Measure a pool of programs, ``pipeline=scoring``: execute it, score its uncertainty, compare with known verdicts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from omegaconf import DictConfig
from rich.console import Console

from conself.models.transformers import check_model
from conself.pairings.build import Pairing, pairs_of
from conself.pipelines import stages
from conself.pipelines.amplifying import amplification_figures, amplified, origins
from conself.pipelines.context import Context
from conself.pipelines.pipeline import Job
from conself.pipelines.pools import AgreedPools, Pools
from conself.pipelines.shards import cut, write_shards
from conself.pipelines.stage import Aside, Summary, Work, stage
from conself.pool_files.file import content, read_pool
from conself.pool_files.lines import PoolLine
from conself.rankings.ranked import Ranking
from conself.records import Candidate, Problem, Uncertainty
from conself.results import names, show_score
from conself.results.confidence_figures import confidence_figures
from conself.results.pool_figures import check_rankings
from conself.results.score_files import (
    INPUTS,
    OUTCOMES,
    SUMMARY,
    UNCERTAINTY,
    input_lines,
    outcome_line,
    problem_line,
    strict,
    summary,
    write_json,
    write_lines,
)
from conself.results.shortfalls import losses, with_remedies
from conself.runtime.parts import build, build_all
from conself.runtime.places import make_folder
from conself.runtime.plain import to_plain
from conself.runtime.versions import versions
from conself.sandbox.jsonlines import Plain
from conself.statistics.confidence import Confidence
from conself.store.artifacts import Artifact
from conself.store.keys import Identified, models_in
from conself.store.tables import read_records
from conself.tracking import Tracker

Record = TypeVar("Record", Problem, Candidate)


@lru_cache(maxsize=1)  # the checks read it, and the work once more
def read(pool: str) -> list[PoolLine]:
    """Read the lines of a pool file; raises as :func:`conself.pool_files.file.read_pool`."""
    return read_pool(Path(pool).expanduser())


@dataclass(frozen=True)
class Scoring:
    """Programs from anywhere, as ``pool`` lists them: execute, agree and score."""

    kind: ClassVar[str] = "score"
    parts: ClassVar[Sequence[str]] = (
        "sandbox",
        "metrics",
        "ranking",
        "rankings",
        "pairing",
        "comparison",
        "behaviour",
        "amplification",
        "confidence",
    )
    limits: ClassVar[Sequence[str]] = ("sandbox",)
    first: ClassVar[str | None] = None

    def optional(self, job: Job) -> Collection[str]:  # noqa: ARG002
        """None."""
        return ()

    def headlines(self, job: Job) -> Sequence[str]:  # noqa: ARG002
        """None."""
        return ()

    def check(self, job: Job) -> None:
        """Validate the config and the pool file; raises as :func:`check`."""
        check(job)

    def load(self, job: Job, console: Console) -> None:
        """Do nothing: a metric loads its model when it is needed."""

    def work(self, job: Job, context: Context, tracker: Tracker) -> dict[str, Plain]:  # noqa: ARG002
        """Write the files to ``out`` or the run folder; return the figures."""
        return scored(job, context)

    def show(self, console: Console, figures: dict[str, Plain]) -> None:
        """Print the figures of metrics, rankings and golden pairs."""
        show_score.show(console, figures)


def scored(job: Job, context: Context) -> dict[str, Plain]:
    """Execute and measure a pool -> files in ``out`` or the run folder; return the figures of ``results.json``."""
    config, lines = job.config, read(job.config.pool)
    problems, candidates = stored(context, lines)
    traces = stages.execute(context, names.EXECUTE, config.sandbox, problems, candidates)
    own = Pools(problems, candidates, traces)
    pools = amplified(context, config, own) if config.amplification else own
    agreed = AgreedPools(pools, stages.agree(context, names.AGREE, config.comparison, config.behaviour, pools))
    metrics = config.metrics.items()
    scores = {str(name): stages.score(context, names.scored(name), node, agreed) for name, node in metrics}
    passed = {line.problem.id: line.passed for line in lines if line.passed is not None}
    if passed:
        judgement = stages.Judgement({"pool": content(sorted(passed.items()))}, lambda: passed)
        stages.verify(context, names.VERIFY, judgement, own)
    values = {name: [replace(row, metric=name) for row in _values(artifact)] for name, artifact in scores.items()}
    ranking, pairing = build(config.ranking, Ranking), build(config.pairing, Pairing)
    rankings = build_all(config.rankings, Ranking)
    paired = {pool.problem.id: pairs_of(pool, agreement, ranking, pairing) for pool, agreement in agreed}
    measured = {"executions": traces.summary(), **summary(agreed, paired, rankings, values, passed)}
    figures = {key: strict(value) for key, value in measured.items()}
    if config.amplification:
        figures["amplification"] = amplification_figures(pools.traces)
    sure = confidences(config, agreed)
    if sure is not None:
        figures["confidence"] = strict(confidence_figures(build(config.confidence, Confidence), sure, paired, passed))
    out = job.folder if config.out is None else Path(config.out).expanduser()
    write_lines(out / OUTCOMES, map(outcome_line, pools))
    if config.amplification:
        write_lines(out / INPUTS, input_lines(pools, origins(pools.traces)))
    by_problem = zip(*values.values(), strict=True) if values else [()] * len(pools)
    rows = zip(agreed, paired.values(), by_problem, strict=True)
    problem_lines = (problem_line(*each, pairs, row, passed) for each, pairs, row in rows)
    if sure is not None:
        problem_lines = (line | {"confidence": sure[str(line["id"])]} for line in problem_lines)
    write_lines(out / UNCERTAINTY, problem_lines)
    write_json(out / SUMMARY, figures)  # reproducible: times and memory are in results.json alone
    return {
        **figures,
        **with_remedies(losses(context.artifacts), context.artifacts),
        "out": str(out),
        "seconds": context.seconds,
        "peak_memory": context.peaks,
        "artifacts": {name: artifact.key for name, artifact in context.artifacts.items()},
        "versions": versions(),
    }


def confidences(config: DictConfig, agreed: AgreedPools) -> dict[str, list[float]] | None:
    """Map problem ids to the confidence in each candidate; None if ``config.confidence`` is null."""
    if not config.confidence:
        return None
    part = build(config.confidence, Confidence)
    return {pool.problem.id: part(pool, agreement) for pool, agreement in agreed}


def _values(artifact: Artifact) -> list[Uncertainty]:
    return read_records(artifact.path, Uncertainty, "uncertainty")


@dataclass(frozen=True)
class Told(Identified, Generic[Record]):
    """Problems or candidates of a file, identified by their content; verdicts are not included."""

    records: Sequence[Record]

    @property
    def identity(self) -> str:
        """The digest of the records."""
        return content(self.records)


def stored(context: Context, lines: Sequence[PoolLine]) -> tuple[Artifact, Artifact]:
    """Store the problems and candidates of a file as artifacts."""
    problems = _problems(context, names.PROBLEMS, Told([line.problem for line in lines]))
    candidates = [candidate for line in lines for candidate in line.candidates]
    groups = Aside([[c for line in group for c in line.candidates] for group in cut(lines)])
    return problems, _candidates(context, names.SAMPLE, Told(candidates), groups, problems)


@stage("problems", version=3)
def _problems(work: Work, pool: Told[Problem]) -> Summary:
    write_shards(work.folder, "problems", Problem, cut(pool.records))
    return {"total": len(pool.records), "dropped": {}}


@stage("sample", version=4)
def _candidates(work: Work, pool: Told[Candidate], shards: Aside[list[list[Candidate]]], problems: Artifact) -> Summary:  # noqa: ARG001
    write_shards(work.folder, "candidates", Candidate, shards.value)
    return {"candidates": len(pool.records), "without_code": sum(c.code is None for c in pool.records)}


def check(job: Job) -> None:
    """Validate the config and the pool file before anything runs.

    Raises:
        OSError: the file can't be read, a metric's model does not exist, or ``out`` can't be a folder.
        ValueError: ``pool`` or ``out`` is no path, jobs of a sweep share ``out``, a ranking has a reserved name, or the
            file is malformed.
    """
    config = job.config
    if not isinstance(config.pool, str):
        raise ValueError("there is nothing to score: give pool=FILE, a .jsonl or .jsonl.gz file")
    if config.out is not None and not isinstance(config.out, str):
        raise ValueError(f"out must be the path of a folder, or null for the run folder, got {config.out!r}")
    if config.out is not None and job.in_sweep:
        raise ValueError("out is one folder, and each job of a sweep needs its own: leave it out for the run folders")
    check_rankings(config.rankings)
    for ref in models_in(to_plain(config.metrics)):
        check_model(ref)
    read.cache_clear()  # it may hold another job's file, or this one as it was before a change
    read(config.pool)
    if config.out is not None:
        make_folder(Path(config.out), "out")
