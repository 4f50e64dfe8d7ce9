"""Drift: how many of the programs that a run's ranking holds right are wrong, by steps.

``python -m experiments.zerocoder.drift --out runs/zerocoder --problems 100``: for each row of ``--lines`` whose run is
in ``--out``, and each of its snapshots, the model of that step writes programs and tests of training problems anew, as
the filter before a training does; the row's ranking chooses, and the data set's oracles judge. A line each in
``drift.jsonl``; what has a line is not measured again.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

from hydra import compose, initialize_config_dir

import conself.app.job  # noqa: F401  # its resolvers are named in conf/
from conself.agreement.comparison import Comparison
from conself.benchmarks.task import Judge
from conself.datasets.dataset import Dataset
from conself.online.snapshots import snapshots
from conself.pipelines.pools import PoolShard, shards_of
from conself.rankings.ranked import Ranking
from conself.runtime.config_folder import CONF
from conself.runtime.parts import build
from experiments.zerocoder.rows import FURTHER, ROWS, ZEROCODER
from experiments.zerocoder.run import LINES, read, started, words_of

DRIFT = Path(__file__).with_name("drift.jsonl")
SMALL = ("loop.steps=1", "loop.problems=1", "loop.snapshot_every=null", "benchmark=[minipy]", "benchmark.minipy.size=2")
"""A training of one step behind the filter, whose pool is what counts here."""
STAGES = ("problems", "sample", "execute", "agree", "pass")


def main() -> None:
    """Measure what has no line yet."""
    args = _arguments()
    known = {(line["row"], line["seed"], line["steps"]) for line in read(args.drift)}
    for line in read(args.lines):
        row, seed = line["row"], line["seed"]
        run = args.out / f"{row}-{seed}"
        if (ROWS | FURTHER)[row][:1] != ZEROCODER or not run.is_dir():
            continue
        for steps, adapter in adapters(run).items():
            if (row, seed, steps) in known:
                continue
            words = [*words_of(row, line["words"]), *SMALL, f"seed={seed}", f"max_problems={args.problems}"]
            folder = args.out / f"drift-{row}-{seed}-{steps}"
            if adapter is not None:
                words.append(f"model.adapter={adapter}")
            if status := started("conself.train", words, folder, args.out):
                print(f"{row}, seed {seed}, {steps} steps: ended with status {status}", flush=True)
                continue
            found = {"row": row, "seed": seed, "steps": steps, **drift(folder, words)}
            with args.drift.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")
            print(json.dumps(found), flush=True)


def adapters(run: Path) -> dict[int, Path | None]:
    """Adapters of a run by steps: none before it, its snapshots, and the last."""
    made = run / "artifacts" / "reinforce"
    taken = json.loads((run / "results.json").read_text())["training"]["steps"]
    return {0: None, **snapshots(made), taken: made / "adapter"}


def drift(folder: Path, words: Sequence[str]) -> dict[str, Any]:
    """Judge what the ranking of these words chooses in a run's pool.

    ``wrong`` is the share of wrong programs among those held right, a mean over problems with such a program;
    ``programs wrong`` that of all programs.
    """
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", list(words))
    ranking, dataset = build(config.ranking, Ranking), build(config.dataset, Dataset)
    judge = Judge({oracle.problem_id: oracle for oracle in dataset.oracles()}, build(config.comparison, Comparison))
    chosen, drawn, undecided = [], [], 0
    for shard in tested(folder / "artifacts"):
        agreed, pools = shard.agreed(), shard.read()
        verdicts = judge([(pool.problem, pool.traces) for pool in pools], workers=1)
        for pool in pools:
            agreement, right = agreed[pool.problem.id], verdicts[pool.problem.id]
            ranked = ranking(pool, agreement, agreement.passing)
            drawn.append(1 - fmean(right))
            if ranked.solutions:
                chosen.append(1 - fmean(right[index] for index in ranked.solutions))
            else:
                undecided += 1
    wrong = fmean(chosen) if chosen else None
    return {"problems": len(drawn), "undecided": undecided, "wrong": wrong, "programs wrong": fmean(drawn)}


def tested(artifacts: Path) -> list[PoolShard]:
    """Return the shards of a run's pool with the passing matrices of its tests."""
    problems, sample, execute, agree, passing = (artifacts / stage for stage in STAGES)
    shards = shards_of(problems, "candidates", sample, execute, agree)
    return [replace(shard, passing=passing / shard.problems.name.replace("problems", "passing")) for shard in shards]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where the runs are")
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--lines", type=Path, default=LINES)
    parser.add_argument("--drift", type=Path, default=DRIFT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
