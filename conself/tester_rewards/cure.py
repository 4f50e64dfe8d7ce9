"""CURE's reward of tests: they tell the programs that are held right from all others (arXiv 2506.03136)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.rankings.by_tests import classes
from conself.tester_rewards.tester_reward import Evidence, of_replies


@dataclass(frozen=True)
class Cure:
    """Of a test that all right programs pass the share of wrong ones that fail it; of another, minus that which pass.

    CURE knows by reference tests which programs are right; here it is those that are held right. Programs that run on
    no test are neither, for failing them takes no test. Where no program is wrong a test gets 0.

    Args:
        unparsable: the reward of a reply that is not in the form asked for.
    """

    needs_mutants: ClassVar[bool] = False

    unparsable: float

    def __call__(self, evidence: Evidence, progress: float) -> Sequence[float]:  # noqa: ARG002
        """The reward of each reply: the mean of its columns' where it has several."""
        passed = evidence.passing.passed
        running = (index for each in classes(evidence.passing) for index in each.members)
        wrong = [index for index in running if index not in evidence.right]

        def worth(column: int) -> float:
            share = sum(passed[index][column] for index in wrong) / max(len(wrong), 1)
            if not all(passed[index][column] for index in evidence.right):
                return -share
            return 1.0 - share if wrong else 0.0

        return of_replies(evidence, [worth(column) for column in range(evidence.passing.n_tests)], self.unparsable)
