"""Measure any pool of programs: ``python -m conself.score pool=FILE [out=DIR] [group=choice] [key=value] [-m]``.

FILE holds one JSON object per problem, as lines; it may be gzipped (``.gz``)::

    {"id": "a", "entry_point": "f", "inputs": [[1, 2], {"py": "({1, 2}, None)"}], "candidates": [{"code": "..."}, ...]}
    {"id": "b", "entry_point": null, "inputs": ["1 2\\n", ""], "candidates": [{"code": "...", "passed": true}, ...]}

``entry_point`` is the function to call, whose inputs are JSON arrays of positional arguments or literals of a tuple;
null means programs that read stdin, whose inputs are texts. A candidate's ``code`` is null where an answer had no
program in it. Optional: ``prefix``, code put before each program, and ``statement``; of a candidate ``passed``,
``mean_nll`` or ``token_logprobs`` (natural logarithms), ``mean_token_entropy`` (nats), ``text`` (the whole answer).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from conself.app.job import Command, run
from conself.app.old_words import refusing_old_words
from conself.datasets.pool.file import content, read_pool
from conself.datasets.pool.lines import PoolLine
from conself.models.transformers import check_model
from conself.pairings.build import pairs_of
from conself.pipelines import stages
from conself.pipelines.context import Context
from conself.pipelines.pools import AgreedPools, Pools
from conself.pipelines.shards import cut, write_shards
from conself.pipelines.stage import Aside, Summary, Work, stage
from conself.records import Candidate, Problem, Uncertainty
from conself.results import names
from conself.results.pool_figures import check_rankings
from conself.results.score_files import (
    OUTCOMES,
    SUMMARY,
    UNCERTAINTY,
    outcome_line,
    problem_line,
    strict,
    summary,
    write_json,
    write_lines,
)
from conself.results.shortfalls import losses, with_remedies
from conself.results.show_score import show
from conself.runtime.config_folder import CONF
from conself.runtime.places import make_folder
from conself.runtime.versions import versions
from conself.store.artifacts import Artifact
from conself.store.keys import Identified, models_in
from conself.store.tables import read_records
from conself.tracking import Tracker

PARTS = ("sandbox", "metrics", "ranking", "rankings", "pairing", "comparison", "behaviour")
Read = Callable[[], list[PoolLine]]


def scored(read: Read, folder: Path, config: DictConfig, context: Context, tracker: Tracker) -> dict[str, Any]:  # noqa: ARG001
    """A pool executed and measured -> the three files, in ``out`` or ``folder``; returns ``results.json``'s figures."""
    lines = read()
    problems, candidates = stored(context, lines)
    traces = stages.execute(context, names.EXECUTE, config.sandbox, problems, candidates)
    pools = Pools(problems, candidates, traces)
    agreed = AgreedPools(pools, stages.agree(context, names.AGREE, config.comparison, config.behaviour, pools))
    made = {str(name): stages.score(context, names.scored(name), node, agreed) for name, node in config.metrics.items()}
    passed = {line.problem.id: line.passed for line in lines if line.passed is not None}
    if passed:
        said = stages.Judgement({"pool": content(sorted(passed.items()))}, lambda: passed)
        stages.verify(context, names.VERIFY, said, pools)

    values = {name: [replace(row, metric=name) for row in _values(artifact)] for name, artifact in made.items()}
    ranking, rankings, pairing = (
        instantiate(config[name], _convert_="all") for name in ("ranking", "rankings", "pairing")
    )
    paired = {pool.problem.id: pairs_of(pool, agreement, ranking, pairing) for pool, agreement in agreed}
    figures: dict[str, Any] = strict(
        {"executions": traces.summary(), **summary(agreed, paired, rankings, values, passed)}
    )
    out = folder if config.out is None else Path(config.out).expanduser()
    write_lines(out / OUTCOMES, map(outcome_line, pools))
    by_problem = zip(*values.values(), strict=True) if values else [()] * len(pools)
    rows = zip(agreed, paired.values(), by_problem, strict=True)
    write_lines(out / UNCERTAINTY, (problem_line(*each, pairs, row, passed) for each, pairs, row in rows))
    write_json(out / SUMMARY, figures)  # the same whenever it is made: what the run took is in results.json alone
    return {
        **figures,
        **with_remedies(losses(context.artifacts), context.artifacts),
        "out": str(out),
        "seconds": context.seconds,
        "peak_memory": context.peaks,
        "artifacts": {name: artifact.key for name, artifact in context.artifacts.items()},
        "versions": versions(),
    }


def _values(artifact: Artifact) -> list[Uncertainty]:
    return read_records(artifact.path, Uncertainty, "uncertainty")


@dataclass(frozen=True)
class Told(Identified):
    """What a file says of problems or of candidates, known by all of it; verdicts are no part."""

    records: Sequence[Any]

    @property
    def identity(self) -> str:
        """The digest of the records."""
        return content(self.records)


def stored(context: Context, lines: Sequence[PoolLine]) -> tuple[Artifact, Artifact]:
    """Problems and candidates of a file as artifacts."""
    problems = _problems(context, names.PROBLEMS, Told([line.problem for line in lines]))
    candidates = [candidate for line in lines for candidate in line.candidates]
    groups = Aside([[c for line in group for c in line.candidates] for group in cut(lines)])
    return problems, _candidates(context, names.SAMPLE, Told(candidates), groups, problems)


@stage("problems", version=3)
def _problems(work: Work, pool: Told) -> Summary:
    write_shards(work.folder, "problems", Problem, cut(pool.records))
    return {"total": len(pool.records), "dropped": {}}


@stage("sample", version=4)
def _candidates(work: Work, pool: Told, shards: Aside[list[list[Candidate]]], problems: Artifact) -> Summary:  # noqa: ARG001
    write_shards(work.folder, "candidates", Candidate, shards.value)
    return {"candidates": len(pool.records), "without_code": sum(c.code is None for c in pool.records)}


def check(read: Read, in_sweep: bool, config: DictConfig) -> None:
    """Refuse what can't be scored, before anything runs.

    Raises:
        OSError: the file can't be read, a metric's model not be found, or ``out`` can't be a folder.
        ValueError: ``pool`` or ``out`` is no path, jobs of a sweep share ``out``, a ranking is called what it can't be,
            or the file is malformed.
    """
    if not isinstance(config.pool, str):
        raise ValueError("there is nothing to score: give pool=FILE, a .jsonl or .jsonl.gz file")
    if config.out is not None and not isinstance(config.out, str):
        raise ValueError(f"out must be the path of a folder, or null for the run folder, got {config.out!r}")
    if config.out is not None and in_sweep:
        raise ValueError("out is one folder, and each job of a sweep needs its own: leave it out for the run folders")
    check_rankings(config.rankings)
    for ref in models_in(OmegaConf.to_container(config.metrics)):
        check_model(ref)
    read()
    if config.out is not None:
        make_folder(Path(config.out), "out")


def run_job(config: DictConfig, folder: Path, in_sweep: bool) -> None:
    """Check all parts, score, write results.json into the run folder and the three files, show the figures.

    Raises:
        JobFailed, SystemExit: as :func:`conself.app.job.run`.
    """
    read = cache(lambda: read_pool(Path(config.pool).expanduser()))
    command = Command(
        "score", PARTS, ("sandbox",), partial(check, read, in_sweep), None, None, partial(scored, read, folder), show
    )
    run(command, config, folder, in_sweep)


@refusing_old_words
@hydra.main(version_base="1.3", config_path=CONF, config_name="score")
def main(config: DictConfig) -> None:
    """Run one job of the command line."""
    job = HydraConfig.get()
    run_job(config, Path(job.runtime.output_dir), in_sweep=job.mode is RunMode.MULTIRUN)


if __name__ == "__main__":
    main()
