"""Diagnostics of a step that need no oracle: a row of numbers by name."""

from collections.abc import Mapping, Sequence
from statistics import fmean, pstdev
from typing import Protocol

from conself.online.groups import Group
from conself.online.rollouts import Rollout
from conself.rankings.consensus import consensus_scores
from conself.records import Undefined

Row = dict[str, float]
"""The figures of one step."""
Winners = Mapping[str, tuple[str | None, ...]]
"""Problem id -> the comparison keys (:mod:`conself.agreement.traces`) of one program, one for each input."""


class Rewarded(Protocol):
    """Rollouts of one prompt with their rewards."""

    @property
    def rollouts(self) -> tuple[Rollout, ...]:
        """The responses."""

    @property
    def rewards(self) -> tuple[float, ...] | Undefined:
        """One number for each response, or why there are none."""


def behaviour_figures(groups: Sequence[Group]) -> Row:
    """Return figures of the behaviour of the programs of at least one group, all means over groups or programs.

    ``consensus`` is the mean R of a program, ``winner_consensus`` the mean R of each problem's best program.
    ``distinct_traces`` is the number of different behaviours among a problem's programs that do not crash on all
    inputs, ``crashed`` the share of programs that do. ``constant`` is the share of problems whose best program gives
    one output for all inputs. ``without_code`` is the share of responses without a program, and ``code_chars`` the
    length of an extracted program in characters, 0 where no response has one.
    """
    scores = [consensus_scores(group.agreement.keys) for group in groups]
    best = [_winner(group) for group in groups]
    codes = [candidate.code for group in groups for candidate in group.pool.candidates]
    lengths = [len(code) for code in codes if code is not None]
    return {
        "consensus": fmean(score for each in scores for score in each),
        "winner_consensus": fmean(max(each) for each in scores),
        "distinct_traces": fmean(len(group.agreement.clusters) for group in groups),
        "constant": fmean(len(row) > 1 and None not in row and len(set(row)) == 1 for row in best),
        "crashed": fmean(crashed for group in groups for crashed in group.agreement.crashed),
        "without_code": fmean(code is None for code in codes),
        "code_chars": fmean(lengths) if lengths else 0.0,
    }


def winners_of(groups: Sequence[Group]) -> Winners:
    """Return how each problem's best program by R behaves, the first of those with the highest."""
    return {group.pool.problem.id: _winner(group) for group in groups}


def share_like(groups: Sequence[Group], winners: Winners) -> float:
    """Return the mean share of a problem's programs that behave like its program in ``winners``."""
    return fmean(fmean(keys == winners[group.pool.problem.id] for keys in group.agreement.keys) for group in groups)


def response_figures(groups: Sequence[Rewarded]) -> Row:
    """Return figures of the responses of at least one group, all means over responses or tokens.

    ``entropy`` is the mean of -log p over all tokens, in nats; for tokens drawn at temperature 1 it is an unbiased
    estimate of the next token's entropy. ``zero_variance`` is the share of groups whose rewards are all equal,
    ``unrewarded`` the share of groups whose reward is undefined. Means of rewards are over the other groups, and 0
    where there are none.
    """
    rollouts = [rollout for group in groups for rollout in group.rollouts]
    rewarded = [group.rewards for group in groups if not isinstance(group.rewards, Undefined)]
    rewards = [reward for each in rewarded for reward in each]
    lengths = [len(rollout.token_ids) for rollout in rollouts]
    return {
        "reward": fmean(rewards) if rewards else 0.0,
        "reward_sd": pstdev(rewards) if rewards else 0.0,
        "zero_variance": sum(len(set(each)) == 1 for each in rewarded) / len(groups),
        "unrewarded": (len(groups) - len(rewarded)) / len(groups),
        "entropy": -sum(sum(rollout.logprobs) for rollout in rollouts) / max(sum(lengths), 1),
        "length": fmean(lengths),
        "cut": fmean(rollout.is_cut for rollout in rollouts),
        "sampled_tokens": float(sum(lengths)),
    }


def _winner(group: Group) -> tuple[str | None, ...]:
    scores = consensus_scores(group.agreement.keys)
    return group.agreement.keys[scores.index(max(scores))]
