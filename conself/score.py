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
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig

from conself.app.job import Command, run
from conself.datasets.pool.file import content, read_pool
from conself.datasets.pool.lines import PoolLine
from conself.pipelines import stages
from conself.pipelines.context import Context, changed, choose
from conself.pipelines.shards import missing, read_pools
from conself.records import Candidate, Problem, Uncertainty
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
from conself.store.tables import read_consensus, read_records, write_records
from conself.tracking import Tracker

PARTS = ("sandbox", "metrics", "pairing", "comparison", "behaviour")
Read = Callable[[], list[PoolLine]]


def scored(read: Read, folder: Path, config: DictConfig, context: Context, tracker: Tracker) -> dict[str, Any]:  # noqa: ARG001
    """A pool executed and measured -> the three files, in ``out`` or ``folder``; returns ``results.json``'s figures."""
    lines = read()
    problems, candidates = stored(context, lines)
    traces = stages.execute(context, config.sandbox, *as_executed(lines, problems, candidates))
    pools = read_pools(problems.path, candidates.path, traces.path)
    # traces don't tell likelihoods and texts, which metrics read; so from here on everything is known by the whole file
    said = {"pool": content((line.problem, line.candidates) for line in lines)}
    parts = changed(choose(config, "comparison", "behaviour", "pool"), said)
    agreement = stages.agree(context, parts, pools, traces)
    made = {
        str(name): stages.score(context, f"score/{name}", node, pools, agreement)
        for name, node in config.metrics.items()
    }
    passed = {line.problem.id: line.passed for line in lines if line.passed is not None}
    if passed:
        stages.verify(context, {"pool": content(sorted(passed.items()))}, lambda: passed, pools, traces)

    agreed = read_consensus(agreement.path)
    values = {name: [replace(row, metric=name) for row in _values(artifact)] for name, artifact in made.items()}
    pairing = instantiate(config.pairing, _convert_="all")
    figures: dict[str, Any] = strict(
        {"executions": traces.summary(), **summary(pools, agreed, pairing, values, passed)}
    )
    out = folder if config.out is None else Path(config.out).expanduser()
    write_lines(out / OUTCOMES, map(outcome_line, pools))
    by_problem = zip(*values.values(), strict=True) if values else [()] * len(pools)
    rows = zip(pools, by_problem, strict=True)
    write_lines(out / UNCERTAINTY, (problem_line(p, agreed[p.problem.id], pairing, row, passed) for p, row in rows))
    write_json(out / SUMMARY, figures)  # the same whenever it is made: what the run took is in results.json alone
    return {
        **figures,
        **with_remedies(losses(context.artifacts)),
        "out": str(out),
        "seconds": context.seconds,
        "artifacts": {name: artifact.key for name, artifact in context.artifacts.items()},
        "versions": versions(),
    }


def _values(artifact: Artifact) -> list[Uncertainty]:
    return read_records(artifact.path, Uncertainty, "uncertainty")


def stored(context: Context, lines: Sequence[PoolLine]) -> tuple[Artifact, Artifact]:
    """Problems and candidates of a file as artifacts, known by all that they say; verdicts are no part of them."""
    problems = [line.problem for line in lines]
    groups = {line.problem.id: line.candidates for line in lines}

    def make_problems(folder: Path) -> dict[str, Any]:
        write_records(folder / "problems.parquet", Problem, problems)
        return {"total": len(problems), "dropped": {}}

    def make_candidates(folder: Path) -> dict[str, Any]:
        for group, path in missing(folder, "candidates", problems):
            write_records(path, Candidate, [c for problem in group for c in groups[problem.id]])
        drawn = [candidate for group in groups.values() for candidate in group]
        return {"candidates": len(drawn), "without_code": sum(c.code is None for c in drawn)}

    source = context.build("problems", {"pool": content(problems)}, {}, make_problems)
    key = {"pool": content(candidate for group in groups.values() for candidate in group)}
    return source, context.build("sample", key, {"problems": source}, make_candidates)


def as_executed(lines: Sequence[PoolLine], problems: Artifact, candidates: Artifact) -> tuple[Artifact, Artifact]:
    """The artifacts of :func:`stored`, known by what is run, on what: other likelihoods or texts run nothing anew."""
    asked = [(p.id, p.entry_point, p.prefix, p.inputs) for p in (line.problem for line in lines)]
    programs = [(c.problem_id, c.index, c.code) for line in lines for c in line.candidates]
    return replace(problems, key=content(asked)), replace(candidates, key=content(programs))


def check(read: Read, in_sweep: bool, config: DictConfig) -> None:
    """Refuse what can't be scored, before anything runs.

    Raises:
        OSError: the file can't be read, or ``out`` can't be a folder.
        ValueError: ``pool`` or ``out`` is no path, jobs of a sweep share ``out``, or the file is malformed.
    """
    if not isinstance(config.pool, str):
        raise ValueError("there is nothing to score: give pool=FILE, a .jsonl or .jsonl.gz file")
    if config.out is not None and not isinstance(config.out, str):
        raise ValueError(f"out must be the path of a folder, or null for the run folder, got {config.out!r}")
    if config.out is not None and in_sweep:
        raise ValueError("out is one folder, and each job of a sweep needs its own: leave it out for the run folders")
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


@hydra.main(version_base="1.3", config_path=CONF, config_name="score")
def main(config: DictConfig) -> None:
    """Run one job of the command line."""
    job = HydraConfig.get()
    run_job(config, Path(job.runtime.output_dir), in_sweep=job.mode is RunMode.MULTIRUN)


if __name__ == "__main__":
    main()
