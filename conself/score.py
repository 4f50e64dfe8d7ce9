"""Measure any pool of programs: ``python -m conself.score pool=FILE [out=DIR] [group=choice] [key=value] [-m]``.

FILE holds one JSON object per problem, as lines; it may be gzipped (``.gz``)::

    {"id": "a", "entry_point": "f", "inputs": [[1, 2], {"py": "({1, 2}, None)"}], "candidates": [{"code": "..."}, ...]}
    {"id": "b", "entry_point": null, "inputs": ["1 2\\n", ""], "candidates": [{"code": "...", "passed": true}, ...]}

``entry_point`` is the function to call, whose inputs are JSON arrays of positional arguments or literals of a tuple;
null means programs that read stdin, whose inputs are texts. A candidate's ``code`` is null where an answer had no
program in it. Optional: ``prefix``, code put before each program, and ``statement``; of a candidate ``passed``,
``mean_nll`` or ``token_logprobs`` (natural logarithms), ``mean_token_entropy`` (nats), ``text`` (the whole answer).
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig

from conself import pool_figures, results, stages
from conself.artifacts import Artifact, write_whole
from conself.consensus import Consensus, losers
from conself.context import Context, choose
from conself.datasets.pool import content, read_pool
from conself.datasets.pool_lines import PoolLine
from conself.entry import Command, run
from conself.records import Candidate, Pool, Problem, Uncertainty
from conself.score_report import show
from conself.shards import missing, read_pools
from conself.tables import read_consensus, read_records, write_records
from conself.tracking import Tracker

PARTS = ("sandbox", "metrics", "pairing", "comparison", "behaviour")
OUTCOMES, UNCERTAINTY, SUMMARY = "outcomes.jsonl", "uncertainty.jsonl", "summary.json"
_OF_THE_RUN = (
    "seconds",
    "artifacts",
    "versions",
)  # in results.json alone: summary.json is the same whenever it is made

Read = Callable[[], list[PoolLine]]


def scored(read: Read, folder: Path, config: DictConfig, context: Context, tracker: Tracker) -> dict[str, Any]:  # noqa: ARG001
    """A pool executed and measured -> the three files, in ``out`` or ``folder``; returns ``results.json``'s figures."""
    lines = read()
    problems, candidates = stored(context, lines)
    traces = stages.execute(context, config.sandbox, problems, candidates)
    pools = read_pools(problems.path, candidates.path, traces.path)
    agreement = stages.agree(context, choose(config, "comparison", "behaviour"), pools, traces)
    scores = {
        str(label): stages.score(context, str(label), node, pools, agreement) for label, node in config.metrics.items()
    }
    passed = {line.problem.id: line.passed for line in lines if line.passed is not None}
    if passed:
        stages.verify(context, {"pool": content(sorted(passed.items()))}, lambda: passed, pools, traces)

    agreed = read_consensus(agreement.path)
    values = {label: read_records(made.path, Uncertainty, "uncertainty") for label, made in scores.items()}
    pairing = instantiate(config.pairing, _convert_="all")
    figures: dict[str, Any] = strict(
        {
            "problems": {"total": len(pools), "judged": len(passed), "solvable": sum(map(any, passed.values()))},
            "candidates": sum(len(pool.candidates) for pool in pools),
            "executions": traces.summary(),
            "metrics": {
                label: {**spread(rows), **pool_figures.metric_figures(rows, passed)} for label, rows in values.items()
            },
            "winner_accuracy": winner_accuracy(agreed, passed),
            "selectors": pool_figures.selector_figures(pools, agreed, passed),
            "golden_by_tau": pool_figures.golden_by_tau(values, pools, agreed, pairing, passed),
            "seconds": context.seconds,
            "artifacts": {name: artifact.key for name, artifact in context.artifacts.items()},
            "versions": results.versions(),
        }
    )
    out = folder if config.out is None else Path(config.out)
    write_lines(out / OUTCOMES, (outcome_line(pool) for pool in pools))
    rows = (problem_line(pool, agreed[pool.problem.id], pairing, passed) for pool in pools)
    write_lines(out / UNCERTAINTY, ({**row, **of_metrics(values, i)} for i, row in enumerate(rows)))
    summary = {key: value for key, value in figures.items() if key not in _OF_THE_RUN}
    write_whole(out / SUMMARY, lambda path: path.write_text(json.dumps(summary, indent=1, allow_nan=False) + "\n"))
    return {**figures, "out": str(out)}


def stored(context: Context, lines: Sequence[PoolLine]) -> tuple[Artifact, Artifact]:
    """Problems and candidates of a file as artifacts, known by what they say: new verdicts alone run nothing anew."""
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


def outcome_line(pool: Pool) -> dict[str, Any]:
    """What each candidate did on each input: ``[status, value]``, the value in the sandbox's canonical text."""
    rows = [[[o.status.value, o.value] for o in trace.outcomes] for trace in pool.traces]
    return {"id": pool.problem.id, "rows": rows}


def problem_line(pool: Pool, agreed: Consensus, pairing: Any, passed: Mapping[str, Sequence[bool]]) -> dict[str, Any]:
    """What the candidates of one problem agree on; ``losers`` are all that score below the winner, lowest first."""
    name, size = pool.problem.id, len(agreed.crashed)
    verdicts = passed.get(name)
    return {
        "id": name,
        "candidates": size,
        "n_alive": agreed.n_alive,
        "crashed": list(agreed.crashed),
        "crash_rate": sum(agreed.crashed) / size,
        "clusters": [list(cluster) for cluster in agreed.clusters],
        "R": list(agreed.scores),
        "winner": agreed.winner,
        "losers": losers(agreed),
        "pairs": [[pair.chosen_index, pair.rejected_index] for pair in pairing(pool, agreed, "")],
        "pass_rate": sum(verdicts) / len(verdicts) if verdicts else None,
        "winner_passed": verdicts[agreed.winner] if verdicts and agreed.winner is not None else None,
    }


def of_metrics(values: Mapping[str, Sequence[Uncertainty]], index: int) -> dict[str, Any]:
    """Each metric of one problem by its label, and why those are null that have no value."""
    rows = {label: column[index] for label, column in values.items()}
    return {
        "metrics": {label: row.value for label, row in rows.items()},
        "undefined": {label: row.reason for label, row in rows.items() if row.reason is not None},
    }


def spread(rows: Sequence[Uncertainty]) -> dict[str, Any]:
    """On how many problems a metric has a value, and the mean, the least and the largest of these."""
    known = [row.value for row in rows if row.value is not None]
    mean = math.fsum(known) / len(known) if known else None
    return {"defined": len(known), "mean": mean, "range": [min(known), max(known)] if known else None}


def winner_accuracy(agreed: Mapping[str, Consensus], passed: Mapping[str, Sequence[bool]]) -> float | None:
    """Share of the judged problems whose winner is right; where all candidates crash there is none, which is wrong."""
    winners = [(agreed[name].winner, verdicts) for name, verdicts in passed.items()]
    return sum(w is not None and verdicts[w] for w, verdicts in winners) / len(winners) if winners else None


def strict(node: Any) -> Any:
    """Plain data with null in the place of nan and infinities, which JSON does not have."""
    if isinstance(node, Mapping):
        return {str(key): strict(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [strict(value) for value in node]
    return None if isinstance(node, float) and not math.isfinite(node) else node


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write JSON lines in ASCII, so that no text can break them; whole or not at all."""

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="ascii") as file:
            file.writelines(json.dumps(strict(row), allow_nan=False) + "\n" for row in rows)

    write_whole(path, write)


def check(read: Read, config: DictConfig) -> None:
    """Refuse what can't be scored, before anything runs.

    Raises:
        OSError: the file can't be read, or ``out`` can't be a folder.
        ValueError: ``pool`` or ``out`` is no path, or the file is malformed.
    """
    if not isinstance(config.pool, str):
        raise ValueError("there is nothing to score: give pool=FILE, a .jsonl or .jsonl.gz file")
    if config.out is not None and not isinstance(config.out, str):
        raise ValueError(f"out must be the path of a folder, or null for the run folder, got {config.out!r}")
    read()
    if config.out is not None:
        try:
            Path(config.out).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise type(error)(f"out={config.out} can't be a folder ({error.strerror}): name another one") from None


def run_job(config: DictConfig, folder: Path, in_sweep: bool) -> None:
    """Check all parts, score, write results.json into the run folder and the three files, show the figures.

    Raises:
        JobFailed, SystemExit: as :func:`conself.entry.run`.
    """
    read = cache(lambda: read_pool(Path(config.pool).expanduser()))
    command = Command("score", PARTS, ("sandbox",), partial(check, read), None, partial(scored, read, folder), show)
    run(command, config, folder, in_sweep)


@hydra.main(version_base="1.3", config_path="../conf", config_name="score")
def main(config: DictConfig) -> None:
    """Run one job of the command line."""
    job = HydraConfig.get()
    run_job(config, Path(job.runtime.output_dir), in_sweep=job.mode is RunMode.MULTIRUN)


if __name__ == "__main__":
    main()
