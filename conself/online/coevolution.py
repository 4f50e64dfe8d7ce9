"""Two roles of one model: programs and tests of the same problems reward each other (arXiv 2604.07864)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from conself.online.diagnostics import Row
from conself.online.groups import Group, Run
from conself.online.replies import Replies, read_replies, write_replies
from conself.online.roles import Batch, Coder, examples_of, figures_of, rollouts_of
from conself.online.rollouts import SOLVER, TESTER, Drawn, Prompts, Rollout, draw
from conself.online.tester_diagnostics import PREFIX, reply_figures, tester_figures
from conself.online.testing import Greedy, Testing, with_prior
from conself.online.verification import Tried, Verified, verify
from conself.rankings.b4_calibration import USUAL, Prior
from conself.records import Problem
from conself.sandbox import Job, Result, Summary, kept

_PRIOR = ("log10_beta0", "log10_alpha")
_FROZEN = "tests"


@dataclass(frozen=True)
class CoderAndTester:
    """Both roles. ``labelled`` are the problems to calibrate on; ``written`` are the frozen replies, or None.

    ``run_mutants`` runs jobs within the limits of mutants.
    """

    coder: Coder
    testing: Testing
    prompts: Prompts
    how: Drawn
    run_mutants: Run
    labelled: Sequence[Problem]
    written: dict[str, list[Rollout]] | None

    def __call__(self, step: int, progress: float, problems: Sequence[Problem], before: Row | None) -> Batch:
        """Sample, verify and reward programs and replies; return examples of the roles that learn."""
        prior, calibrated = self._calibrated(step, before)
        seconds = self.coder.step_timeout
        groups, lacked = self.coder.tried(step, problems, rollouts_of(step), seconds)
        replies = self._replies(step, [group.pool.problem for group in groups], f"test/{step}", seconds)
        groups = _answered(groups, replies)
        verified, more = self._verified(step, groups, replies, prior, self.testing.n_mutants)
        grading = self.coder.grading
        if prior is not None:
            grading = replace(grading, reward=with_prior(grading.reward, prior))
        groups = [grading.rewarded(group, each.passing, progress) for group, each in zip(groups, verified, strict=True)]
        replies = [
            group.rewarded(each, self.testing.tester_reward, progress)
            for group, each in zip(replies, verified, strict=True)
        ]
        row = {**figures_of(groups, len(problems)), **self._tester_figures(replies, verified), **calibrated}
        row["sampled_tokens"] += row.pop(f"{PREFIX}sampled_tokens", 0.0) + row.get("calibration_tokens", 0.0)
        learning, scale = self.testing.update(step), self.coder.scale_advantages
        examples = [
            example
            for role, learned in ((SOLVER, groups), (TESTER, replies))
            if role in learning
            for example in examples_of(learned, scale)
        ]
        return Batch(examples, row, lacked + more)

    def _tester_figures(self, replies: Sequence[Replies], verified: Sequence[Verified]) -> Row:
        """Return the figures of the replies, none without any; frozen ones, which no step samples, lack some."""
        if not replies:
            return {}
        return {**tester_figures(replies, verified), **({} if self.written is not None else reply_figures(replies))}

    def _replies(
        self, step: int, problems: Sequence[Problem], purpose: str, seconds: float | None = None
    ) -> list[Replies]:
        """Return the replies to the problems, without those that are late by a limit of ``seconds``, if any."""
        if (groups := self.written) is None:
            coder = self.coder
            with coder.clock.timed("draw"):
                groups = draw(coder.source, step, problems, self.prompts, self.how, coder.seed, purpose, seconds)
        reader = self.testing.reader
        return [Replies.of(problem, groups[problem.id], reader) for problem in problems if problem.id in groups]

    def _verified(
        self, step: int, groups: Sequence[Group], replies: Sequence[Replies], prior: Prior | None, n_mutants: int
    ) -> tuple[list[Verified], Summary]:
        """Return which program passes which test, and the execution summary of running programs on test inputs."""
        tried = [Tried(group.pool, group.agreement, each.read) for group, each in zip(groups, replies, strict=True)]
        how = replace(self.testing.verification(self.coder.grading.comparison, prior), n_mutants=n_mutants)
        collected: list[Result] = []

        def run(jobs: Sequence[Job]) -> list[Result]:
            results = self.coder.grading.run_jobs(jobs)
            collected.extend(results)
            return results

        with self.coder.clock.timed("verify"):
            verified = verify(tried, how, run, self.run_mutants, self.coder.seed, step)
        return verified, sum(map(Summary.of, collected), Summary())

    def _calibrated(self, step: int, before: Row | None) -> tuple[Prior | None, Row]:
        """Return B4's prior for a step, from the current weights' programs and tests of labelled problems."""
        calibration = self.testing.calibration
        if calibration is None:
            return None, {}
        has_prior = before is not None and all(name in before for name in _PRIOR)
        previous = Prior(*(before[name] for name in _PRIOR)) if before is not None and has_prior else USUAL
        groups, _ = self.coder.tried(step, self.labelled, f"calibrate/{step}")
        replies = self._replies(step, self.labelled, f"calibrate/test/{step}")
        verified, _ = self._verified(step, groups, replies, None, n_mutants=0)
        with self.coder.clock.timed("calibrate"):
            pools = [group.pool for group in groups]
            matrices = {
                pool.problem.id: each.passing for pool, each in zip(pools, verified, strict=True) if each.passing
            }
            prior, share = calibration(pools, matrices, previous, self.coder.grading.workers)
        sampled = [*(group.rollouts for group in groups), *(each.rollouts for each in replies)]
        tokens = sum(len(rollout.token_ids) for rollouts in sampled for rollout in rollouts)
        chosen = (prior.log10_beta0, prior.log10_alpha)
        row = {**dict(zip(_PRIOR, chosen, strict=True)), "calibration_right": share}
        return prior, {**row, "calibration_tokens": float(tokens)}


@contextmanager
def both_roles(
    coder: Coder,
    testing: Testing,
    how: Drawn,
    prompts: Prompts,
    labelled: Sequence[Problem],
    problems: Sequence[Problem],
    out: Path,
) -> Iterator[CoderAndTester]:
    """Yield the coder together with a tester and a sandbox for mutants, which is closed at the end of the block.

    Frozen tests are written here, for all ``problems``, unless an earlier run has left them in ``out``.
    """
    with kept(testing.mutants, coder.grading.workers) as run_mutants:
        written = _written(coder, testing, prompts, problems, out) if testing.frozen else None
        yield CoderAndTester(coder, testing, prompts, how, run_mutants, labelled, written)


def _written(
    coder: Coder, testing: Testing, prompts: Prompts, problems: Sequence[Problem], out: Path
) -> dict[str, list[Rollout]]:
    if (stored := read_replies(out, TESTER)) is not None:
        return stored
    with coder.clock.timed("draw"):
        replies = draw(coder.source, 0, problems, prompts, Greedy(testing.max_new_tokens), coder.seed, _FROZEN, None)
    write_replies(out, replies)
    return replies


def _answered(groups: Sequence[Group], replies: Sequence[Replies]) -> list[Group]:
    """Return the groups of the problems with replies: others have left the step, their replies being late."""
    names = {each.problem.id for each in replies}
    return [group for group in groups if group.pool.problem.id in names]
