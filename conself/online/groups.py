"""A problem's rollouts after execution: their agreement, their rewards, and the training example they give."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.agreement.jobs import job_of
from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.pools import agreement
from conself.agreement.traces import Agreement
from conself.losses.advantages import advantages
from conself.online.rollouts import Rollout, candidate_of
from conself.records import Pool, Problem, Trace, Undefined
from conself.rewards.reward import Reward
from conself.sandbox import Job, Limits, Result, Summary, execute, kept

if TYPE_CHECKING:
    from conself.training.data import Example

Run = Callable[[Sequence[Job]], list[Result]]
"""Runs jobs and returns all results."""
NOT_REWARDED = Undefined("not rewarded")
"""The rewards of a group that is only probed, or whose tests have not run yet."""


@dataclass(frozen=True)
class Group:
    """The rollouts of one problem with their behaviour.

    ``rewards`` has one number for each rollout, or the reason why nothing is to be learned from them.
    """

    pool: Pool
    agreement: Agreement
    rollouts: tuple[Rollout, ...]
    rewards: tuple[float, ...] | Undefined

    def example(self, scale: bool) -> Example | None:
        """Return the group's training example, see :func:`example_of`."""
        return example_of(self.pool.problem.id, self.pool.problem.id, self.rollouts, self.rewards, scale)


def example_of(
    problem_id: str,
    name: str,
    rollouts: Sequence[Rollout],
    rewards: Sequence[float] | Undefined,
    scale: bool,
) -> Example | None:
    """Return the training example of one prompt's rollouts: each uncut one, with its advantage among all of them.

    Return None where all rewards are equal or undefined: the group stays out of the loss and of every mean. ``name``
    distinguishes the examples of a problem.
    """
    from conself.training.data import Example, Response

    values = None if isinstance(rewards, Undefined) else advantages(rewards, scale)
    if values is None:
        return None
    kept = [(rollout, value) for rollout, value in zip(rollouts, values, strict=True) if not rollout.is_cut]
    return Example(
        problem_id=problem_id,
        name=name,
        responses=tuple(Response(rollout.prompt_ids, rollout.token_ids) for rollout, _ in kept),
        signal=tuple(value for _, value in kept),
        behaviour=tuple(rollout.logprobs for rollout, _ in kept),
    )


@dataclass(frozen=True)
class Grading:
    """Grade groups: run them within ``limits`` in ``workers`` sandbox processes, compare outputs, and reward.

    Inside ``with grading.ready() as same`` these processes are reused between calls of ``same``.
    """

    limits: Limits
    workers: int
    comparison: Comparison
    behaviour: Behaviour
    reward: Reward
    run: Run | None = None

    @contextmanager
    def ready(self) -> Iterator[Grading]:
        """Yield the same grading with a running sandbox, which is closed at the end of the block."""
        with kept(self.limits, self.workers) as run:
            yield replace(self, run=run)

    def __call__(
        self, problems: Sequence[Problem], drawn: Sequence[Sequence[Rollout]], progress: float
    ) -> tuple[list[Group], Summary]:
        """Return the group of each problem, in order, rewarded without generated tests, and the execution summary.

        ``progress`` as in :class:`conself.rewards.reward.Reward`.

        Raises:
            ValueError, IsolationError, RuntimeError: as :meth:`tried` and :meth:`rewarded`.
        """
        groups, lacked = self.tried(problems, drawn)
        return [self.rewarded(group, None, progress) for group in groups], lacked

    def tried(self, problems: Sequence[Problem], drawn: Sequence[Sequence[Rollout]]) -> tuple[list[Group], Summary]:
        """Return the group of each problem, in order and not yet rewarded, and the execution summary.

        A program that occurs several times in a group is run once.

        Raises:
            IsolationError, RuntimeError: as :func:`conself.sandbox.execute`.
        """
        candidates = [
            [candidate_of(problem, rollout) for rollout in group]
            for problem, group in zip(problems, drawn, strict=True)
        ]
        jobs = [
            job_of(problem, (candidate.code for candidate in group))
            for problem, group in zip(problems, candidates, strict=True)
        ]
        results = {result.job.id: result for result in self.run_jobs(jobs)}
        groups = []
        for problem, group, rollouts in zip(problems, candidates, drawn, strict=True):
            rows = results[problem.id].rows
            pool = Pool(problem, group, [Trace(problem.id, index, row) for index, row in enumerate(rows)])
            agreed = agreement(pool, self.comparison, self.behaviour)
            groups.append(Group(pool, agreed, tuple(rollouts), NOT_REWARDED))
        return groups, sum(map(Summary.of, results.values()), Summary())

    def run_jobs(self, jobs: Sequence[Job]) -> list[Result]:
        """Return the results of jobs in the order in which they finish; raises as :func:`conself.sandbox.execute`."""
        return list(execute(jobs, self.limits, self.workers)) if self.run is None else self.run(jobs)

    def rewarded(self, group: Group, passing: PassingMatrix | None, progress: float) -> Group:
        """Return the group with the rewards of its programs, 0 for each cut one; ``passing`` is None without tests.

        Raises:
            ValueError: the reward did not return one finite number for each rollout; names the problem.
        """
        values = self.reward(group.pool, group.agreement, passing, progress)
        rewards = checked(values, len(group.rollouts), self.reward, group.pool.problem.id)
        if not isinstance(rewards, Undefined):
            rewards = tuple(0.0 if r.is_cut else value for r, value in zip(group.rollouts, rewards, strict=True))
        return replace(group, rewards=rewards)


def checked(
    given: Sequence[float] | Undefined, count: int, reward: object, problem_id: str
) -> tuple[float, ...] | Undefined:
    """Check and return what a reward returned for ``count`` responses.

    Raises:
        ValueError: there is not one finite number for each response; names the problem.
    """
    if isinstance(given, Undefined):
        return given
    if len(given) != count or not all(map(math.isfinite, given)):
        raise ValueError(
            f"{type(reward).__name__} gave {list(given)} for the {count} responses to problem "
            f"{problem_id!r}; a reward gives one finite number for each"
        )
    return tuple(map(float, given))
