"""CURE's reward of tests: how well they separate the programs accepted as right from all others (arXiv 2506.03136)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from conself.rankings.by_tests import classes
from conself.tester_rewards.tester_reward import Evidence, of_replies


@dataclass(frozen=True)
class Cure:
    """Reward a test that all right programs pass: the share of wrong ones that fail it; else minus the share that pass.

    CURE determines the right programs with reference tests; here they are the programs accepted by the ranking. A
    program that runs on no test counts as neither right nor wrong, because any test would fail it. Where no program is
    wrong, a test that all right programs pass gets 0.

    Args:
        unparsable: the reward of a reply that is not in the requested format.
    """

    needs_mutants: ClassVar[bool] = False

    unparsable: float

    def __call__(self, evidence: Evidence, progress: float) -> Sequence[float]:  # noqa: ARG002
        """Return the reward of each reply: the mean over its columns where it has several."""
        passed = evidence.passing.passed
        running = (index for each in classes(evidence.passing) for index in each.members)
        wrong = [index for index in running if index not in evidence.right]

        def worth(column: int) -> float:
            share = sum(passed[index][column] for index in wrong) / max(len(wrong), 1)
            if not all(passed[index][column] for index in evidence.right):
                return -share
            return 1.0 - share if wrong else 0.0

        return of_replies(evidence, [worth(column) for column in range(evidence.passing.n_tests)], self.unparsable)
