"""The programs of a store as a file that ``conself.score`` reads, with the verdicts of the data set's own tests.

A run with ``sampler=recorded sampler.path=FILE`` trains on them without asking a model.

``python -m experiments.real_backbone.pool --problems artifacts/problems/KEY --candidates artifacts/sample/KEY --out
FILE.jsonl.gz -- WORDS``; WORDS are those of the run that choose its data set. Statements are left out: ids name them.
"""

import argparse
import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

import conself.app.job  # noqa: F401  # its resolvers are named in conf/
from conself.agreement.jobs import job_of
from conself.benchmarks.dataset import DatasetBenchmark
from conself.records import Candidate, Pool, Problem, Trace
from conself.sandbox import execute
from conself.store.tables import each_shard, read_records
from experiments.prompts.figures import of_observations

CONF = Path(__file__).parents[2] / "conf"


def main() -> None:
    """Judge the candidates and write the pool; two lines say what it and its observations are like."""
    args = _arguments()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", args.words)
    groups: dict[str, list[Candidate]] = {}
    for shard in each_shard(args.candidates, "candidates", Candidate):
        for candidate in shard:
            groups.setdefault(candidate.problem_id, []).append(candidate)
    problems = [p for p in read_records(args.problems, Problem, "problems") if p.id in groups]
    if not problems:
        raise SystemExit(f"error: {args.candidates} has no candidates of the problems in {args.problems}")
    passed = verdicts(config, [Pool(p, groups[p.id], []) for p in problems])
    with gzip.open(args.out, "wt", encoding="utf-8") as file:
        file.writelines(lines(problems, groups, passed))
    right, programs = sum(map(sum, passed.values())), sum(map(len, passed.values()))
    print(f"{len(problems)} problems, {programs} programs, {right / programs:.3f} right: {args.out}")
    shares = of_observations(groups.values(), config.sampler.get("programs_per_observation", 1))
    if shares["echoes"] is not None:
        equal, echoes = (f"{share:.3f}" for share in shares.values())
        print(f"two equal observations in {equal} of the problems, an echo of the list of kinds in {echoes}")


def verdicts(config: DictConfig, pools: Sequence[Pool]) -> dict[str, list[bool]]:
    """By problem id, whether each candidate passes the data set's tests, run under the limits of ``judging``.

    Raises:
        SystemExit: the config's data set has no tests for one of the problems.
    """
    workers, limits = config.executor.workers, instantiate(config.judging, _convert_="all")
    jobs = [job_of(pool.problem, (candidate.code for candidate in pool.candidates)) for pool in pools]
    rows = {result.job.id: result.rows for result in execute(jobs, limits, workers)}
    ran = [(p.problem, [Trace(p.problem.id, n, row) for n, row in enumerate(rows[p.problem.id])]) for p in pools]
    judge = DatasetBenchmark(instantiate(config.dataset, _convert_="all"), instantiate(config.comparison))().judge
    try:
        return {name: list(row) for name, row in judge(ran, workers).items()}
    except ValueError as error:
        raise SystemExit(f"error: {error}; give the words of the run that these artifacts are of") from None


def lines(
    problems: Sequence[Problem], groups: dict[str, list[Candidate]], passed: dict[str, list[bool]]
) -> Iterator[str]:
    """One JSON line per problem, in the form of docs/scoring-pools.md."""
    for problem in problems:
        row: dict[str, Any] = {
            "id": problem.id,
            "entry_point": problem.entry_point,
            "prefix": problem.prefix,
            "inputs": [text if problem.entry_point is None else {"py": text} for text in problem.inputs],
            "candidates": [
                {
                    "code": candidate.code,
                    "text": candidate.text,
                    "passed": is_right,
                    "mean_nll": candidate.mean_nll,
                    "mean_token_entropy": candidate.mean_token_entropy,
                }
                for candidate, is_right in zip(groups[problem.id], passed[problem.id], strict=True)
            ],
        }
        yield json.dumps(row) + "\n"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments.real_backbone.pool", description=__doc__)
    parser.add_argument("--problems", type=Path, required=True, metavar="DIR", help="artifacts/problems/KEY")
    parser.add_argument("--candidates", type=Path, required=True, metavar="DIR", help="artifacts/sample/KEY")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl.gz")
    parser.add_argument("words", nargs="*", help="of conself.train, after --")
    return parser.parse_args()


if __name__ == "__main__":
    main()
