"""The tester's replies to a problem: as they were drawn, as tests, and with what each is worth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from conself.generated_tests.generated_test import ReadTests
from conself.generated_tests.reader import TestReader
from conself.online.groups import checked, example_of
from conself.online.rollouts import Rollout
from conself.online.verification import Verified
from conself.records import Problem, Undefined
from conself.store.artifacts import write_whole
from conself.tester_rewards.tester_reward import TesterReward

if TYPE_CHECKING:
    from conself.training.data import Example

NOBODY_RIGHT = "nobody is held right"
_FILE = "written_tests.jsonl"


@dataclass(frozen=True)
class Replies:
    """A problem's replies; ``read`` has their tests, in order. ``rewards`` as in :class:`conself.online.groups.Group`.

    A reply that a limit has cut is not read: it is none in the form that was asked for.
    """

    problem: Problem
    rollouts: tuple[Rollout, ...]
    read: tuple[ReadTests, ...]
    rewards: tuple[float, ...] | Undefined

    @classmethod
    def of(cls, problem: Problem, rollouts: Sequence[Rollout], reader: TestReader) -> Replies:
        """The replies with their tests, not rewarded yet."""
        read = tuple(
            ReadTests((), {}) if rollout.is_cut else reader.of_reply(problem, number, rollout.text)
            for number, rollout in enumerate(rollouts)
        )
        return cls(problem, tuple(rollouts), read, Undefined(NOBODY_RIGHT))

    def rewarded(self, found: Verified, reward: TesterReward, progress: float) -> Replies:
        """The same with rewards; none where nobody is held right, for there is nothing to go by.

        Raises:
            ValueError: the reward is not one finite number for each reply; names the problem.
        """
        if found.evidence is None:
            return self
        given = checked(reward(found.evidence, progress), len(self.rollouts), reward, self.problem.id)
        return Replies(self.problem, self.rollouts, self.read, given)

    def example(self, scale: bool) -> Example | None:
        """What is learned from the replies, as :func:`conself.online.groups.example_of` has it."""
        name = f"{self.problem.id}/tests"
        return example_of(self.problem.id, name, self.rollouts, self.rewards, scale)


def write_replies(folder: Path, drawn: Mapping[str, Sequence[Rollout]]) -> None:
    """Keep the texts of replies that are drawn once, by problem id -> a file in ``folder``, whole or not at all."""
    rows = ({"problem_id": name, "replies": [[each.finish_reason, each.text] for each in group]}
            for name, group in drawn.items())  # fmt: skip
    text = "".join(json.dumps(row) + "\n" for row in rows)
    write_whole(folder / _FILE, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_replies(folder: Path, role: str) -> dict[str, list[Rollout]] | None:
    """What :func:`write_replies` kept, without tokens, for nothing is learned from it; None: there is no such file."""
    if not (path := folder / _FILE).is_file():
        return None
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return {
        row["problem_id"]: [
            Rollout(row["problem_id"], role, index, (), (), (), reason, text)
            for index, (reason, text) in enumerate(row["replies"])
        ]
        for row in rows
    }
