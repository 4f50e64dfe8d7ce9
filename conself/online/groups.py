"""A problem's rollouts once they have run: what they agree on, what each is worth, and what is learned from them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.agreement.jobs import job_of
from conself.agreement.pools import agreement
from conself.agreement.traces import Agreement
from conself.losses.advantages import advantages
from conself.online.rollouts import Rollout, candidate_of
from conself.records import Pool, Problem, Trace, Undefined
from conself.rewards.reward import Reward
from conself.sandbox import Job, Limits, Result, Summary, kept
from conself.sandbox import execute as run_jobs

if TYPE_CHECKING:
    from conself.training.data import Example

Run = Callable[[Sequence[Job]], list[Result]]
"""Runs jobs, and gives all results."""


@dataclass(frozen=True)
class Group:
    """The rollouts of one problem with what they did.

    ``rewards`` has one number for each, or says why nothing is to be learned from them.
    """

    pool: Pool
    agreement: Agreement
    rollouts: tuple[Rollout, ...]
    rewards: tuple[float, ...] | Undefined

    def example(self, scale: bool) -> Example | None:
        """What is learned from the group: each response that was not cut, with its advantage in the whole group.

        None where all rewards are equal, or there are none: the group stays out of the loss and of every mean.
        """
        from conself.training.data import Example, Response

        values = None if isinstance(self.rewards, Undefined) else advantages(self.rewards, scale)
        if values is None:
            return None
        kept = [(rollout, value) for rollout, value in zip(self.rollouts, values, strict=True) if not rollout.is_cut]
        return Example(
            problem_id=self.pool.problem.id,
            name=self.pool.problem.id,
            responses=tuple(Response(rollout.prompt_ids, rollout.token_ids) for rollout, _ in kept),
            signal=tuple(value for _, value in kept),
            behaviour=tuple(rollout.logprobs for rollout, _ in kept),
        )


@dataclass(frozen=True)
class Grading:
    """How groups are graded: run within ``limits`` by ``workers`` processes of the sandbox, compared, and rewarded.

    Inside ``with grading.ready() as same`` these processes stay from one call of ``same`` to the next.
    """

    limits: Limits
    workers: int
    comparison: Comparison
    behaviour: Behaviour
    reward: Reward
    run: Run | None = None

    @contextmanager
    def ready(self) -> Iterator[Grading]:
        """The same with a sandbox that is there; it ends with the block."""
        with kept(self.limits, self.workers) as run:
            yield replace(self, run=run)

    def __call__(
        self, problems: Sequence[Problem], drawn: Sequence[Sequence[Rollout]], progress: float
    ) -> tuple[list[Group], Summary]:
        """The group of each problem, in order, and what its executions lacked.

        A program that stands in a group several times is run once. ``progress`` is the rewards'.

        Raises:
            ValueError: a reward is not one finite number for each rollout; names the problem.
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
        ran = run_jobs(jobs, self.limits, self.workers) if self.run is None else self.run(jobs)
        results = {result.job.id: result for result in ran}
        groups = []
        for problem, group, rollouts in zip(problems, candidates, drawn, strict=True):
            rows = results[problem.id].rows
            pool = Pool(problem, group, [Trace(problem.id, index, row) for index, row in enumerate(rows)])
            agreed = agreement(pool, self.comparison, self.behaviour)
            groups.append(Group(pool, agreed, tuple(rollouts), self._rewards(pool, agreed, rollouts, progress)))
        return groups, sum(map(Summary.of, results.values()), Summary())

    def _rewards(
        self, pool: Pool, agreed: Agreement, rollouts: Sequence[Rollout], progress: float
    ) -> tuple[float, ...] | Undefined:
        given = self.reward(pool, agreed, None, progress)
        if isinstance(given, Undefined):
            return given
        if len(given) != len(rollouts) or not all(map(math.isfinite, given)):
            raise ValueError(
                f"{type(self.reward).__name__} gave {list(given)} for the {len(rollouts)} responses to problem "
                f"{pool.problem.id!r}; a reward gives one finite number for each"
            )
        return tuple(0.0 if rollout.is_cut else float(value) for rollout, value in zip(rollouts, given, strict=True))
