"""The tester's replies to a problem: as sampled, as tests, and with their rewards."""

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

    A reply cut by the length limit is not read: it counts as not being in the requested format.
    """

    problem: Problem
    rollouts: tuple[Rollout, ...]
    read: tuple[ReadTests, ...]
    rewards: tuple[float, ...] | Undefined

    @classmethod
    def of(cls, problem: Problem, rollouts: Sequence[Rollout], reader: TestReader) -> Replies:
        """Return the replies with their tests, not yet rewarded."""
        read = tuple(
            ReadTests((), {}) if rollout.is_cut else reader.of_reply(problem, number, rollout.text)
            for number, rollout in enumerate(rollouts)
        )
        return cls(problem, tuple(rollouts), read, Undefined(NOBODY_RIGHT))

    def rewarded(self, found: Verified, reward: TesterReward, progress: float) -> Replies:
        """Return the replies with rewards, or unchanged where no program is accepted as right: there is no evidence.

        Raises:
            ValueError: the reward did not return one finite number for each reply; names the problem.
        """
        if found.evidence is None:
            return self
        rewards = checked(reward(found.evidence, progress), len(self.rollouts), reward, self.problem.id)
        return Replies(self.problem, self.rollouts, self.read, rewards)

    def example(self, scale: bool) -> Example | None:
        """Return the training example of the replies, see :func:`conself.online.groups.example_of`."""
        name = f"{self.problem.id}/tests"
        return example_of(self.problem.id, name, self.rollouts, self.rewards, scale)


def write_replies(folder: Path, drawn: Mapping[str, Sequence[Rollout]]) -> None:
    """Write the texts of frozen replies, by problem id, to a file in ``folder``, atomically."""
    rows = ({"problem_id": name, "replies": [[each.finish_reason, each.text] for each in group]}
            for name, group in drawn.items())  # fmt: skip
    text = "".join(json.dumps(row) + "\n" for row in rows)
    write_whole(folder / _FILE, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def read_replies(folder: Path, role: str) -> dict[str, list[Rollout]] | None:
    """Read what :func:`write_replies` wrote, None without a file; without tokens, as nothing is learned from it."""
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
