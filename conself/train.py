"""The pipeline, one round: ``python -m conself.train [group=choice] [key=value] [-m]``."""

from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig

from conself import reports, results, stages
from conself.benchmarks.task import Judge
from conself.entry import Command, run
from conself.models import check_model
from conself.records import ModelRef, PreferencePair, Uncertainty
from conself.shards import read_pools
from conself.stages import Context
from conself.tables import read_records
from conself.tracking import Tracker
from conself.training.distributed import check_devices
from conself.training.export import MERGED, check_mergeable
from conself.training.fit import check_losers
from conself.training.settings import Training

PARTS: tuple[str, ...] = ("model", "dataset", "prompts", "sampler", "decoder", "sandbox", "judging", "metric")
PARTS += ("metrics", "curriculum", "pairing", "loss", "training", "benchmark", "comparison")


def learn(config: DictConfig, context: Context, tracker: Tracker) -> dict[str, Any]:
    """One round from problems to a tuned model and its evaluation; returns the figures of ``results.json``."""
    model: ModelRef = instantiate(config.model)
    found = stages.problems(context, config.dataset)
    candidates = stages.sample(context, config.sampler, model, found)
    traces = stages.execute(context, config.sandbox, found, candidates)
    pools = read_pools(found.path, candidates.path, traces.path)
    driver = stages.score(context, "driver", config.metric, pools, traces)
    scores = {name: stages.score(context, str(name), node, pools, traces) for name, node in config.metrics.items()}
    selected = stages.select(context, config.curriculum, driver)
    part = stages.choose(config, "pairing", "comparison", "prompts", "max_pairs", "seed")
    pairs = stages.pair(context, part, model, pools, traces, selected)
    base = {name: stages.evaluate(context, str(name), config, model, None) for name in config.benchmark}
    fitted = stages.fit(context, stages.choose(config, "training", "loss", "seed"), model, pairs, tracker)
    tuned = {name: stages.evaluate(context, str(name), config, model, fitted) for name in config.benchmark}

    judge = Judge(
        {o.problem_id: o for o in instantiate(config.dataset, _convert_="all").oracles()},
        instantiate(config.comparison),
    )
    passed = results.pass_table(pools, judge, context.workers.count)
    uncertainties = {name: read_records(a.path, Uncertainty, "uncertainty") for name, a in scores.items()}
    selection = selected.summary()
    training = fitted.summary()
    return {
        "problems": results.problem_figures(context.artifacts, read_records(driver.path, Uncertainty, "uncertainty")),
        **results.pair_figures(read_records(pairs.path, PreferencePair, "pairs"), passed),
        "tau": config.tau if "tau" in config.curriculum else None,
        "entropy_range": selection["entropy_range"],
        "metrics": {name: results.metric_figures(rows, passed) for name, rows in uncertainties.items()},
        "training": {key: training[key] for key in ("steps", "epochs", "n_pairs", "n_overlong", "n_tokens")},
        "benchmarks": {
            name: results.benchmark_figures(results.verdicts(base[name]), results.verdicts(tuned[name]))
            for name in config.benchmark
        },
        "seconds": context.seconds,
        "artifacts": {name: artifact.key for name, artifact in context.artifacts.items()},
        "versions": results.versions(),
    }


def check(config: DictConfig) -> None:
    """Refuse what can't be trained.

    Raises:
        OSError: there is no such model.
        ValueError: the model has wrong settings or an adapter already, or can't be trained as ``training`` says, or
            the loss has no use for such pairs, or what answers the benchmarks can't load what comes of it.
    """
    model: ModelRef = instantiate(config.model)
    check_model(model)
    if model.adapter is not None:
        raise ValueError("model.adapter must be null to train: merge the adapter into a model folder and name that")
    check_losers(instantiate(config.pairing).gives_losers, instantiate(config.loss).needs_losers)
    training: Training = instantiate(config.training, _convert_="all")
    training.tuning.check(model)
    check_devices(training.runtime.device, training.runtime.devices, training.runtime.strategy, model)
    if training.export == MERGED:
        check_mergeable(model)
    if not config.benchmark:
        return
    decoder = instantiate(config.decoder, _convert_="all")
    if not decoder.loads_model:
        raise ValueError(
            f"{config.decoder['_target_']} loads no model, so it cannot evaluate the one that is trained; "
            "choose decoder=transformers or decoder=vllm, or 'benchmark=[none]'"
        )
    adapter = training.tuning.config()
    if adapter is not None and training.export != MERGED:
        decoder.check_adapter(adapter.to_dict())


COMMAND = Command(PARTS, ("sandbox", "judging"), check, "sampler", learn, reports.show)


def run_job(config: DictConfig, folder: Path, in_sweep: bool) -> None:
    """Check all parts, learn, write results.json into the run folder, show it; raises as :func:`conself.entry.run`."""
    run(COMMAND, config, folder, in_sweep)


@hydra.main(version_base="1.3", config_path="../conf", config_name="train")
def main(config: DictConfig) -> None:
    """Run one job of the command line."""
    job = HydraConfig.get()
    run_job(config, Path(job.runtime.output_dir), in_sweep=job.mode is RunMode.MULTIRUN)


if __name__ == "__main__":
    main()
