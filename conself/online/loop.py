"""The loop: sample, run, reward, learn; a killed run resumes and continues exactly as it would have."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from conself.executors.executor import Executor
from conself.models.transformers import fingerprint, load_config
from conself.online.coevolution import both_roles
from conself.online.curve import Curve, probes_of
from conself.online.diagnostics import Row
from conself.online.roles import Clock, Coder, Roles, total
from conself.online.rollouts import Prompts, Rollouts
from conself.online.settings import Method
from conself.online.snapshots import snapshot, snapshots
from conself.online.sources import Source, source_of
from conself.online.steps import LACKS, Stepper, split
from conself.prompts.prompts import PromptStyle
from conself.records import ModelRef, Problem
from conself.rewards.reward import LabelledReward
from conself.runtime.nested import changed_within
from conself.runtime.progress import Meter
from conself.store.curves import FILE, HELD_OUT
from conself.training.checkpoints import Checkpoints, training_key
from conself.training.data import Example, Response
from conself.training.learner import Learner, open_learner
from conself.training.schedules import WarmupConstant

if TYPE_CHECKING:
    from lightning.pytorch.loggers import Logger

CHECKPOINTS, WORN = "checkpoints", "worn"
"""Folders of a training run that exist until all is saved: checkpoints, and the weights an engine samples from."""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of an online training run: ``steps`` were taken, ``skipped`` of them had nothing to learn from.

    The weights are those after ``kept_step`` steps, which a guard may have chosen. ``stopped`` is why the guard stopped
    the run, None if it did not. ``n_labelled`` problems were reserved for calibration; ``n_overlong`` had prompts
    without room for a response; ``late`` times a problem left a step by ``rollouts.step_timeout``. Token counts are of
    responses: sampled to learn from (and to calibrate on), sampled by probes, and trained on, without those of late
    problems. ``execution`` counts, by name, what executions lacked (``LACKS``).
    ``seconds`` includes the time of earlier runs up to their checkpoint, ``phases`` only that of this process.
    """

    steps: int
    kept_step: int
    stopped: str | None
    skipped: int
    n_problems: int
    n_held_out: int
    n_labelled: int
    n_overlong: int
    late: int
    sampled_tokens: int
    probe_tokens: int
    trained_tokens: int
    execution: dict[str, int]
    seconds: float
    phases: dict[str, float]


def reinforce(
    problems: Sequence[Problem],
    model: ModelRef,
    style: PromptStyle,
    method: Method,
    out: Path,
    console: Console,
    logger: Logger | None,
    executor: Executor | None = None,
) -> Report:
    """Train ``model`` on its own responses to ``problems``; ``out`` gets ``adapter/`` or ``model/``, and steps.jsonl.

    ``executor`` has the workers of ``rollouts.runtime.workers``. On a CPU the same arguments give the same bits, unless
    ``rollouts.step_timeout`` is set, even after an earlier run was killed: this one resumes from its checkpoint.

    Raises:
        ValueError: there is no problem to train on, or the model cannot be trained or sampled from with these settings.
        FloatingPointError: the loss or a gradient is not finite; names the problems of the step.
        ChildProcessError: a training process was killed, or a worker that the executor does not replace.
    """
    started = time.perf_counter()
    training, loop = method.training, method.loop
    asked = prompts_of(problems, model, style, method)
    usable = [problem for problem in problems if all(problem.id in prompts.ids for prompts in asked)]
    labelled, trained, held_out = _shared_out(usable, method)
    method, schedule = _labelling(method, trained), WarmupConstant(math.ceil(training.warmup_ratio * loop.steps))
    trials = [one for role, how in zip(asked, drawings(method), strict=True) for one in like(role, how.max_new_tokens)]
    with open_learner(model, training, method.loss, method.seed, schedule, trials, None) as learner:
        key = training_key(fingerprint(model), learner.shapes(), [], training, method.loss, method.seed)
        checkpoints = Checkpoints(out / CHECKPOINTS, key, training.runtime.checkpoint_share, started)
        checkpoints.resume(learner, str(loop.steps))
        curve = Curve(out / FILE, checkpoints.curve, logger)
        source = source_of(method, model, learner, asked[0], out / WORN, executor)
        with (
            roles_of(method, source, asked, labelled, trained, out) as roles,
            Meter(console, "training", loop.steps, "steps", "steps") as meter,
        ):
            stepper = Stepper(method, roles, learner, trained, held_out, checkpoints.folder)
            stopped = _run(stepper, curve, checkpoints, out, meter)
        kept = _keep(learner, curve, method, out)
    for folder in (CHECKPOINTS, WORN):  # only after everything is saved
        shutil.rmtree(out / folder, ignore_errors=True)
    curve.close()
    counts = (len(trained), len(held_out), len(labelled), len(problems) - len(usable))
    return _report(curve.rows, kept, stopped, counts, checkpoints.seconds, roles.coder.clock.seconds)


def _report(
    rows: Sequence[Row],
    kept: int,
    stopped: str | None,
    counts: tuple[int, int, int, int],
    seconds: float,
    phases: Mapping[str, float],
) -> Report:
    """Build the report from the rows, which include those of killed runs; ``counts`` are numbers of problems."""
    taken = [row for row in rows if "sampled_tokens" in row]
    return Report(
        steps=len(taken),
        kept_step=kept,
        stopped=stopped,
        skipped=sum("skipped" in row for row in taken),
        n_problems=counts[0],
        n_held_out=counts[1],
        n_labelled=counts[2],
        n_overlong=counts[3],
        late=_total(taken, "late"),
        sampled_tokens=_total(taken, "sampled_tokens"),
        probe_tokens=_total(rows, f"{HELD_OUT}sampled_tokens"),
        trained_tokens=_total(taken, "trained_tokens"),
        execution={name: total for name in LACKS if (total := _total(taken, name))},
        seconds=seconds,
        phases=dict(phases),
    )


def _total(rows: Sequence[Row], name: str) -> int:
    return int(total(rows, name))


def _run(stepper: Stepper, curve: Curve, checkpoints: Checkpoints, out: Path, meter: Meter) -> str | None:
    """Take the remaining steps; return why the guard stopped early, or None.

    The row of a step includes the probe made before it, where one was due; a probe after the last step has its own row.
    """
    method, learner = stepper.method, stepper.learner
    steps, guard = method.loop.steps, method.guard
    meter.skip(min(len(curve.rows), steps))
    for step in range(len(curve.rows), steps + 1):
        row = {"step": float(step)}
        due = guard.held_out > 0 and (step % guard.every == 0 or step == steps)
        if due or (method.loop.keeps(step) and step < steps):  # the last weights are saved anyway
            learner.save(snapshot(out, step) / method.training.tuning.folder)
        if due:
            row |= stepper.probe(step)
            if (why := guard(probes_of([*curve.rows, row])).why) is not None:
                curve.add(row)
                return why
        if step == steps:
            if due:
                curve.add(row)
            return None
        row |= stepper.take(step, curve.rows[-1] if curve.rows else None)
        curve.add(row)
        meter.note = _note(row)
        meter.add()
        checkpoints.after_step(learner, curve.rows, _total(curve.rows, "trained_tokens"))
    return None


def _note(row: Row) -> str:
    """Return what the progress line shows of a step: its reward, and how many problems have left it."""
    reward = [f"reward {row['reward']:.3f}"] if "reward" in row else []
    return ", ".join([*reward, *([f"{row['late']:.0f} problems late"] if "late" in row else [])])


def _keep(learner: Learner, curve: Curve, method: Method, out: Path) -> int:
    """Save the weights that the guard chooses, delete snapshots that are not to be kept; return the chosen step."""
    last = sum("sampled_tokens" in row for row in curve.rows)
    probes, name = probes_of(curve.rows), method.training.tuning.folder
    step = probes[method.guard(probes).best].step if probes else last
    if step == last:
        learner.save(out / name)
    else:
        shutil.copytree(snapshot(out, step) / name, out / name, dirs_exist_ok=True)
    for number, folder in snapshots(out).items():
        if number == step or not method.loop.keeps(number):
            shutil.rmtree(folder)
    return step


def prompts_of(problems: Sequence[Problem], model: ModelRef, style: PromptStyle, method: Method) -> list[Prompts]:
    """Return the coder's prompts, and the testers' if there are any; raises as :meth:`Prompts.asked`."""
    room = _room(model, method.training.max_length)
    prompts = [Prompts.of(problems, model, style, room)]
    if method.testing is not None:
        prompts.append(method.testing.asked(problems, model, style, room))
    return prompts


def drawings(method: Method) -> list[Rollouts]:
    """Return the sampling settings of each role."""
    own = method.rollouts
    return [own] if method.testing is None else [own, method.testing.drawing(own)]


@contextmanager
def roles_of(
    method: Method,
    source: Source,
    asked: Sequence[Prompts],
    labelled: Sequence[Problem],
    trained: Sequence[Problem],
    out: Path,
) -> Iterator[Roles]:
    """Yield the roles with their sandboxes, closed at the end of the block; ``asked`` as from :func:`prompts_of`."""
    with method.grading.ready() as grading:
        scale, how = method.loop.scale_advantages, drawings(method)
        seconds = method.rollouts.step_timeout
        coder = Coder(grading, source, asked[0], how[0], method.seed, scale, seconds, Clock())
        if method.testing is None:
            yield coder
            return
        with both_roles(coder, method.testing, how[1], asked[1], labelled, trained, out) as roles:
            yield roles


def _shared_out(problems: Sequence[Problem], method: Method) -> tuple[list[Problem], list[Problem], list[Problem]]:
    """Return the problems to calibrate on (none without calibration), to train on, and held out."""
    calibration = None if method.testing is None else method.testing.calibration
    labelled = [] if calibration is None else calibration.labelled(problems, method.seed)
    names = {problem.id for problem in labelled}
    rest = [problem for problem in problems if problem.id not in names]
    return (labelled, *split(rest, method.guard.held_out, method.seed))


def _labelling(method: Method, trained: Sequence[Problem]) -> Method:
    """Let rewards that go by labels choose their problems among those that are trained on."""

    def change(part: object) -> object | None:
        return part.among(trained) if isinstance(part, LabelledReward) else None

    reward = changed_within(method.grading.reward, change)
    return replace(method, grading=replace(method.grading, reward=reward))


def like(prompts: Prompts, most: int) -> list[Example]:
    """Return the longest and the shortest example that a step can have, for the learner's trial."""
    by_length = sorted(prompts.ids.values(), key=len)
    sizes = (by_length[-1], min(most, prompts.max_length - len(by_length[-1]))), (by_length[0], 1)
    end = prompts.stop_ids[0]
    return [
        Example(f"trial {number}", f"trial {prompts.role} {number}", (Response(prompt, (end,) * count),), (0.0,), None)
        for number, (prompt, count) in enumerate(sizes)
    ]


def _room(model: ModelRef, max_length: int) -> int:
    """Return the token limit of prompt plus response: ``max_length``, or the model's positions if fewer."""
    return min(max_length, getattr(load_config(model), "max_position_embeddings", None) or max_length)
