"""Self-improvement on rollouts, ``pipeline=reinforcement``: train a model on its own responses to problems."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from omegaconf import DictConfig
from rich.console import Console

from conself.benchmarks.task import Benchmark
from conself.datasets.dataset import Dataset
from conself.online.snapshots import snapshots
from conself.pipelines import stages
from conself.pipelines.answering import answer
from conself.pipelines.contamination import decontaminate
from conself.pipelines.context import Context
from conself.pipelines.parts import Drawing, Source
from conself.pipelines.pipeline import Job
from conself.pipelines.pools import AgreedPools, Pools
from conself.pipelines.reinforcement import checks
from conself.pipelines.reinforcement.figures import Trained, figures_of
from conself.pipelines.reinforcement.grading import gradable, graded
from conself.pipelines.reinforcement.stage import PARTS, reinforce
from conself.pipelines.testing import crossed
from conself.records import ModelRef
from conself.results import names
from conself.results.benchmarks import Answered
from conself.results.show_online import show_online
from conself.runtime.console import say
from conself.runtime.parts import build, build_all
from conself.runtime.versions import versions
from conself.sandbox.jsonlines import Plain
from conself.store.artifacts import Artifact
from conself.tracking import Tracker

_ASKING = ("model", "dataset", "engine", "answering", "sampler", "decoder", "judging", "benchmark", "voters")


@dataclass(frozen=True)
class Reinforcement:
    """Sample, execute, reward and update in every step; then evaluate the trained model and its snapshots."""

    kind: ClassVar[str] = "train"
    parts: ClassVar[Sequence[str]] = (*_ASKING, *PARTS, "testing", "writing", "writer", "metric", "curriculum")
    limits: ClassVar[Sequence[str]] = ("sandbox", "judging")
    first: ClassVar[str | None] = "engine"

    def optional(self, job: Job) -> Collection[str]:  # noqa: ARG002
        """Return the parts that may be null.

        Without a curriculum all problems are trained on; without ``testing`` there is one role, and without ``writing``
        its tests of benchmarks are not graded; without ``answering`` the engine answers benchmarks too.
        """
        return ("curriculum", "answering", "testing", "writing", "writer")

    def headlines(self, job: Job) -> Sequence[str]:
        """Return ``tau`` if the curriculum has one."""
        return ("tau",) if job.config.curriculum and "tau" in job.config.curriculum else ()

    def check(self, job: Job) -> None:
        """Validate the config; raises as :func:`conself.pipelines.reinforcement.checks.check`."""
        checks.check(job.config)

    def load(self, job: Job, console: Console) -> None:
        """Import torch, inspect the model and print the memory it takes; raises as ``checks.load``."""
        say(console, "loading torch and the model's settings")
        if note := checks.load(job.config):
            say(console, note)

    def work(self, job: Job, context: Context, tracker: Tracker) -> dict[str, Plain]:
        """Train on rollouts of the problems, and evaluate before, during and after training.

        Raises:
            NothingToLearnError: the curriculum keeps nothing.
        """
        config, model = job.config, build(job.config.model, ModelRef)
        loaded = stages.problems(context, names.PROBLEMS, Source.of(config.dataset, Dataset), config.max_problems)
        parts = build_all(config.benchmark, Benchmark)
        problems = decontaminate(context, names.DECONTAMINATE, loaded, parts, config.decontaminate_words)
        context.artifacts[names.PROBLEMS] = problems
        selection = None if config.curriculum is None else _selected(config, context, model, problems)
        base = _answers(config, context, model, None, "base")
        with_references = gradable(context, config)
        tests = graded(context, config, with_references, model, None, "base")
        trained = reinforce(context, names.REINFORCE, config, model, problems, selection, tracker)
        steps = {
            step: _answers(config, context, model, replace(trained, path=folder), names.after_steps(step))
            for step, folder in snapshots(trained.path).items()
        }
        tuned = _answers(config, context, model, trained, "tuned")
        written = {"base": tests, "tuned": graded(context, config, with_references, model, trained, "tuned")}
        artifacts = Trained(problems, selection, trained, base, steps, tuned, written)
        return {**figures_of(config, context, artifacts), "versions": versions()}

    def show(self, console: Console, figures: dict[str, Plain]) -> None:
        """Print the figures of training, and the benchmarks before, during and after it."""
        show_online(console, figures)


def _selected(config: DictConfig, context: Context, model: ModelRef, problems: Artifact) -> Artifact:
    """Apply the curriculum to the candidates, and tests if any, that the model samples before training."""
    candidates = stages.sample(context, names.SAMPLE, Drawing.of(config.sampler, config.engine, model), problems)
    traces = stages.execute(context, names.EXECUTE, config.sandbox, problems, candidates)
    pools = Pools(problems, candidates, traces)
    agreement = stages.agree(context, names.AGREE, config.comparison, config.behaviour, pools)
    passing = None if config.testing is None else crossed(context, config, model, pools)
    scores = stages.score(context, names.DRIVER, config.metric, AgreedPools(pools, agreement, passing))
    return stages.select(context, names.SELECT, config.curriculum, scores)


def _answers(
    config: DictConfig, context: Context, model: ModelRef, tuned: Artifact | None, variant: str
) -> Mapping[str, Answered]:
    return {str(name): answer(context, config, str(name), variant, model, tuned) for name in config.benchmark}
