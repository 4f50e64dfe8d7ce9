"""The stage that trains on its own rollouts. It uses no oracle: other stages evaluate the weights."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Self

from omegaconf import DictConfig

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.guards.guard import Guard
from conself.losses.output import Loss
from conself.online.curve import for_tracker
from conself.online.groups import Grading
from conself.online.rollouts import Rollouts
from conself.online.settings import Loop, Method
from conself.online.testing import Testing
from conself.pipelines.context import Context, free_accelerator, free_memory
from conself.pipelines.stage import Aside, Summary, Work, stage
from conself.prompts.prompts import PromptStyle
from conself.records import ModelRef, Problem
from conself.results.shortfalls import tell_losses
from conself.rewards.reward import Reward
from conself.runtime.console import say
from conself.runtime.parts import build
from conself.sandbox.jobs import Limits
from conself.sandbox.jsonlines import Json
from conself.store.artifacts import Artifact
from conself.store.curves import read_curve
from conself.store.keys import Identified, located
from conself.store.tables import read_records
from conself.tracking import Tracker
from conself.training.memory import is_large
from conself.training.settings import Training

if TYPE_CHECKING:
    from conself.online.loop import Report

PARTS = ("training", "loss", "rollouts", "reward", "guard", "loop", "prompts", "sandbox", "comparison", "behaviour")
"""The parts of a config that the stage depends on, besides the seed, and ``testing`` if there are testers."""


@dataclass(frozen=True)
class Testers(Identified):
    """The second role, as a config node describes it."""

    node: DictConfig
    part: Testing

    @classmethod
    def of(cls, node: DictConfig) -> Self:
        """Build the part that the node describes; raises as :func:`conself.runtime.parts.build`."""
        return cls(node, build(node, Testing))

    @property
    def identity(self) -> Json:
        """Return the settings without paths, and the fingerprint of the labels of the calibration, if any."""
        calibration = self.part.calibration
        return {"settings": located(self.node), "labels": None if calibration is None else calibration.fingerprint()}


def reinforce(
    context: Context,
    name: str,
    config: DictConfig,
    model: ModelRef,
    problems: Artifact,
    selection: Artifact | None,
    tracker: Tracker,
) -> Artifact:
    """Train on rollouts -> adapter/ (PEFT) or model/ (all weights), steps.jsonl, snapshots/.

    ``config`` holds ``PARTS``, testing (None: one role) and seed. ``selection`` names the problems that a curriculum
    keeps; None: all. Curves go to the tracker during training; those of a training run already in the store are
    replayed.
    """
    parts = {part: config[part] for part in PARTS}
    inputs = {**parts, "seed": config.seed, "model": model, "problems": problems, "selection": selection}
    curves = Aside(tracker)
    testing = None if config.testing is None else Testers.of(config.testing)
    trained = _reinforce(context, name, **inputs, testing=testing, curves=curves)
    if trained.reused:
        tracker.replay([for_tracker(row) for row in read_curve(trained.path)])
    return tell_losses(context.console, trained, config.sandbox)


@stage("reinforce", version=2)
def _reinforce(
    work: Work,
    training: DictConfig,
    loss: DictConfig,
    rollouts: DictConfig,
    reward: DictConfig,
    guard: DictConfig,
    loop: DictConfig,
    prompts: DictConfig,
    sandbox: DictConfig,
    comparison: DictConfig,
    behaviour: DictConfig,
    seed: int,
    model: ModelRef,
    problems: Artifact,
    selection: Artifact | None,
    testing: Testers | None,
    curves: Aside[Tracker],
) -> Summary:
    """Train, with a second role that writes tests if there is ``testing``."""
    chosen = (training, loss, rollouts, reward, guard, loop, prompts, sandbox, comparison, behaviour)
    nodes = dict(zip(PARTS, chosen, strict=True))
    part = None if testing is None else testing.part
    return _trained(work, nodes, part, seed, model, _kept(problems, selection), curves.value)


def _trained(
    work: Work,
    nodes: Mapping[str, DictConfig],
    testing: Testing | None,
    seed: int,
    model: ModelRef,
    problems: Sequence[Problem],
    tracker: Tracker,
) -> Summary:
    """Train with the parts that ``nodes`` describe, keyed by the names in ``PARTS``."""
    from conself.online.loop import reinforce as train

    context = work.context
    grading = Grading(
        build(nodes["sandbox"], Limits),
        context.executor.machines().threads,
        build(nodes["comparison"], Comparison),
        build(nodes["behaviour"], Behaviour),
        build(nodes["reward"], Reward),
    )
    parts = build(nodes["loop"], Loop), build(nodes["rollouts"], Rollouts), grading, build(nodes["guard"], Guard)
    method = Method(*parts, build(nodes["loss"], Loss), build(nodes["training"], Training), seed, testing)
    free_accelerator(context)
    context.executor.release_others()  # engines hold much memory, on a CPU as well
    if is_large(model, method.training):
        free_memory(context)
    logger = tracker.training_logger()
    style = build(nodes["prompts"], PromptStyle)
    report = train(problems, model, style, method, work.folder, context.console, logger, context.executor)
    if method.rollouts.runtime.workers is not None:
        free_memory(context)  # of the engines that drew rollouts; they may be those of the job's own workers
    _tell(context, report)
    return asdict(report)


def _tell(context: Context, report: "Report") -> None:
    """Print a line each for excluded problems, skipped steps, an early stop, and an earlier step's weights."""
    if report.n_overlong:
        say(context.console, f"- {report.n_overlong} problems left out: no room for a response in training.max_length")
    if report.skipped:
        why = "rewards all alike" + (", or every problem late" if report.late else "")
        say(context.console, f"- {report.skipped} of {report.steps} steps had nothing to learn: {why}")
    if report.late:
        say(context.console, f"- {report.late} times a problem left its step: late by rollouts.step_timeout")
    if report.stopped is not None:
        say(context.console, f"stopped: {report.stopped}")
    if report.kept_step != report.steps:
        say(context.console, f"the weights after {report.kept_step} of {report.steps} steps are kept")


def _kept(problems: Artifact, selection: Artifact | None) -> Sequence[Problem]:
    loaded = read_records(problems.path, Problem, "problems")
    if selection is None:
        return loaded
    chosen = set(json.loads((selection.path / "selection.json").read_text())["kept"])
    return [problem for problem in loaded if problem.id in chosen]
