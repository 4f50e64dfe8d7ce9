"""Drift: how many of the programs that a run's ranking holds right are wrong, by steps.

``python -m experiments.zerocoder.drift --out runs/zerocoder --problems 100``: for each row of ``--lines`` whose run is
in ``--out``, and each of its snapshots, the model of that step writes programs and tests of training problems anew, as
for the filter before a training; the row's ranking chooses, and the data set's oracles judge. A line each in
``drift.jsonl``; what has a line is not measured again.
"""

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig

import conself.app.job  # noqa: F401  # its resolvers are named in conf/
from conself.agreement.comparison import Comparison
from conself.agreement.traces import Agreement
from conself.benchmarks.task import Judge
from conself.datasets.dataset import Dataset
from conself.executors.local import LocalExecutor
from conself.models.dtypes import with_dtypes
from conself.models.transformers import tuned_model
from conself.online.snapshots import snapshots
from conself.pipelines import stages
from conself.pipelines.context import Context
from conself.pipelines.parts import Drawing, Source
from conself.pipelines.pools import AgreedPools, Pools
from conself.pipelines.testing import crossed
from conself.rankings.ranked import Ranking
from conself.records import ModelRef, Pool
from conself.results import names
from conself.runtime.config_folder import CONF
from conself.runtime.console import new_console
from conself.runtime.parts import build
from conself.sandbox.terminal import answer_interrupts
from experiments.zerocoder.rows import FURTHER, ROWS, ZEROCODER
from experiments.zerocoder.run import LINES, read, words_of

DRIFT = Path(__file__).with_name("drift.jsonl")


def main() -> None:
    """Measure what has no line yet."""
    args = _arguments()
    answer_interrupts()
    known = {(line["row"], line["seed"], line["steps"], line["problems"]) for line in read(args.drift)}
    for line in read(args.lines):
        row, seed = line["row"], line["seed"]
        run = args.out / f"{row}-{seed}"
        if (ROWS | FURTHER)[row][:1] != ZEROCODER or not run.is_dir():
            continue
        config = configured([*words_of(row, line["words"]), f"seed={seed}", f"max_problems={args.problems}"])
        for steps, weights in trained(run).items():
            if (row, seed, steps, args.problems) in known:
                continue
            found = {"row": row, "seed": seed, "steps": steps, "problems": args.problems}
            found |= drift(config, weights, args.out / "artifacts")
            with args.drift.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")
            print(json.dumps(found), flush=True)


def configured(words: Sequence[str]) -> DictConfig:
    """Compose the config of ``conself.train`` for its words, with a dtype in the place of ``auto``."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return with_dtypes(compose("train", list(words)))[0]


def trained(run: Path) -> dict[int, Path | None]:
    """The folders of a run's weights by steps: none before it, its snapshots, and what it keeps."""
    made = run / "artifacts" / "reinforce"
    kept = json.loads((run / "results.json").read_text())["training"]["kept_step"]
    return {0: None, **snapshots(made), kept: made}


def drift(config: DictConfig, weights: Path | None, store: Path) -> dict[str, Any]:
    """Have the model write programs and tests of a job's problems, and judge what the job's ranking chooses."""
    base = build(config.model, ModelRef)
    model = base if weights is None else tuned_model(base, weights)
    dataset = build(config.dataset, Dataset)
    judge = Judge({oracle.problem_id: oracle for oracle in dataset.oracles()}, build(config.comparison, Comparison))
    with LocalExecutor(config.executor.workers, 1) as executor:
        context = Context(store, executor, new_console(stderr=True))
        pools = list(written(context, config, model))
    verdicts = judge([(pool.problem, pool.traces) for pool, _ in pools], workers=1)
    return shares(pools, verdicts, build(config.ranking, Ranking))


def written(context: Context, config: DictConfig, model: ModelRef) -> AgreedPools:
    """Return the model's programs of the job's problems, with what they pass of its own tests."""
    problems = stages.problems(context, names.PROBLEMS, Source.of(config.dataset, Dataset), config.max_problems)
    candidates = stages.sample(context, names.SAMPLE, Drawing.of(config.sampler, config.engine, model), problems)
    traces = stages.execute(context, names.EXECUTE, config.sandbox, problems, candidates)
    pools = Pools(problems, candidates, traces)
    agreement = stages.agree(context, names.AGREE, config.comparison, config.behaviour, pools)
    return AgreedPools(pools, agreement, crossed(context, config, model, pools))


def shares(
    pools: Iterable[tuple[Pool, Agreement]], verdicts: dict[str, list[bool]], ranking: Ranking
) -> dict[str, float | None]:
    """Compute the shares of wrong programs: ``chosen`` among those held right, ``drawn`` among all.

    Both are means over problems; ``chosen`` over those with a program held right, None if there are none. The other
    problems are ``undecided``.
    """
    chosen, drawn = [], []
    for pool, agreement in pools:
        right = verdicts[pool.problem.id]
        ranked = ranking(pool, agreement, agreement.passing)
        drawn.append(1 - fmean(right))
        if ranked.solutions:
            chosen.append(1 - fmean(right[index] for index in ranked.solutions))
    wrong = fmean(chosen) if chosen else None
    return {"undecided": len(drawn) - len(chosen), "chosen": wrong, "drawn": fmean(drawn)}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="where the runs are")
    parser.add_argument("--problems", type=int, default=100)
    parser.add_argument("--lines", type=Path, default=LINES)
    parser.add_argument("--drift", type=Path, default=DRIFT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
