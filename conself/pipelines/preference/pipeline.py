"""Self-improvement by preferences, ``pipeline=preference``: rounds from problems to a tuned model."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.console import Console

from conself.pairings.build import NothingToLearnError
from conself.pipelines import stages
from conself.pipelines.context import Context
from conself.pipelines.pipeline import Job
from conself.pipelines.preference import checks
from conself.pipelines.preference.figures import over_rounds, round_figures, unlearned
from conself.pipelines.preference.records import Round
from conself.pipelines.preference.round import learn, measure, verify
from conself.pipelines.preference.validation import kept_answers, kept_round, why_over
from conself.records import ModelRef
from conself.results import names, show
from conself.runtime.console import say
from conself.runtime.parts import build
from conself.runtime.versions import versions
from conself.sandbox.jsonlines import Plain
from conself.store.artifacts import Artifact
from conself.tracking import Tracker, round_prefix

_ASKING = ("model", "dataset", "prompts", "engine", "answering", "sampler", "decoder", "sandbox", "judging")
_LEARNING = ("metric", "metrics", "curriculum", "matched", "ranking", "rankings", "pairing", "loss", "training")
_AGREEING = ("comparison", "behaviour", "amplification")


@dataclass(frozen=True)
class Preference:
    """Sample, execute, agree, score, select, pair, fit and evaluate, ``rounds`` times."""

    kind: ClassVar[str] = "train"
    parts: ClassVar[Sequence[str]] = (*_ASKING, *_LEARNING, "benchmark", "voters", *_AGREEING)
    limits: ClassVar[Sequence[str]] = ("sandbox", "judging")
    first: ClassVar[str | None] = "engine"

    def optional(self, job: Job) -> Collection[str]:  # noqa: ARG002
        """``matched`` may be null; so may ``answering``: then the sampling engine also answers benchmarks."""
        return ("matched", "answering")

    def headlines(self, job: Job) -> Sequence[str]:
        """``tau``, if the curriculum has one."""
        config = job.config
        curricula = [config.curriculum, *([config.matched.curriculum] if config.matched else [])]
        return ("tau",) if any("tau" in node for node in curricula) else ()

    def check(self, job: Job) -> None:
        """Validate the config; raises as :func:`conself.pipelines.preference.checks.check`.

        Raises:
            ValueError: there is a proposer, which this pipeline would not use.
        """
        if job.config.get("proposer") is not None:
            raise ValueError("pipeline=preference asks no proposer: set pipeline=proposed, or leave proposer= out")
        checks.check(job.config)

    def load(self, job: Job, console: Console) -> None:
        """Import torch, inspect the model and print the memory it takes; raises as ``checks.load``."""
        say(console, "loading torch and the model's settings")
        if note := checks.load(job.config):
            say(console, note)

    def work(self, job: Job, context: Context, tracker: Tracker) -> dict[str, Plain]:
        """Run all rounds, each on the model that the previous one trained.

        If a later round has nothing to learn from, the job ends with the results of the earlier ones.

        Raises:
            NothingToLearnError: the first round has nothing to learn from.
        """
        config, number_of = job.config, job.config.rounds
        model = build(config.model, ModelRef)
        done: list[Round] = []
        figures: list[dict[str, Plain]] = []
        contexts: list[Context] = []
        kept: dict[str, Artifact] = {}
        stopped: dict[str, Plain] | None = None
        for number in range(1, number_of + 1):
            round_context = context if number_of == 1 else context.anew()
            contexts.append(round_context)
            if number_of > 1:
                say(context.console, f"round {number} of {number_of}")
            if done:
                model = stages.merge(round_context, names.MERGE, model, done[-1].fitted)
                config = job.with_model(model).config
            measured, before = measure(config, round_context, model), done[-1].tuned if done else None
            try:
                done.append(learn(config, round_context, tracker, model, measured, before, round_prefix(number)))
                figures.append(round_figures(config, round_context, done[-1]))
            except NothingToLearnError as error:
                if not done:
                    raise
                why = f"round {number} has nothing to learn from: {error}"
                say(context.console, why)
                verified = verify(config, round_context, measured.own)
                stopped = {"why": why, **unlearned(config, round_context, measured, verified)}
            if number_of > 1:
                context.artifacts.update(_in_round(number, round_context.artifacts))
                kept |= _in_round(number, (measured if stopped else done[-1]).named())
            if over := None if stopped else why_over(config, done):
                say(context.console, over)
            if stopped or over:
                break
        answered = (done[0].base, kept_answers(job.config, done))
        results = over_rounds(job.config, figures, contexts, *answered, kept, context.artifacts, stopped)
        return {**results, **kept_round(job.config, done, figures, over), "versions": versions()}

    def show(self, console: Console, figures: dict[str, Plain]) -> None:
        """Print the training problems' figures, and the benchmarks before and after training."""
        show.show(console, figures)


def _in_round(number: int, artifacts: Mapping[str, Artifact]) -> dict[str, Artifact]:
    """Prefix the names of artifacts with the number of their round."""
    return {names.in_round(number, name): artifact for name, artifact in artifacts.items()}
