"""The settings of the tester role: how tests are written, verified against programs, and rewarded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from conself.engines.decoding import Decoding
from conself.generated_tests.reader import TestReader
from conself.online.calibration import Calibration
from conself.online.rollouts import TESTER, Prompts, Rollouts
from conself.online.updates.update import Update
from conself.online.verification import Verification
from conself.prompts.tester import TesterTexts
from conself.rankings.b4 import B4
from conself.rankings.b4_calibration import Prior
from conself.rankings.ranked import Ranking
from conself.runtime.nested import changed_within
from conself.sandbox import Limits
from conself.tester_rewards.tester_reward import TesterReward

if TYPE_CHECKING:
    from conself.agreement.comparison import Comparison
    from conself.prompts.prompts import PromptStyle
    from conself.records import ModelRef, Problem

Part = TypeVar("Part")


@dataclass(frozen=True)
class Testing:
    """How tests are written and used in every step.

    Args:
        n: replies per problem; temperature and top_p are those of programs.
        max_new_tokens: the token limit of a reply, end of turn included.
        prompts: the texts that ask the model for tests.
        reader: how tests are read from a reply; the prompt asks for as many as it counts.
        column: the unit of a test, ``reply`` or ``case``; see :func:`conself.generated_tests.passing.columns`.
        ranking: decides by tests which programs are accepted as right; one of them stands in for a reference solution.
        n_mutants: the maximum number of mutants of that program; 0: none.
        mutants: the resource limits of mutants.
        tester_reward: the reward of a reply.
        update: decides which role learns in which step.
        frozen: tests are written once, by the model before its first step: one greedy reply to each problem.
        calibration: chooses B4's prior before each step by a few labels; None: no labels are used.

    Raises:
        ValueError: a number is out of range, or two settings exclude each other; names the keys.
    """

    __test__ = False  # pytest would collect the name as a test class

    n: int
    max_new_tokens: int
    prompts: TesterTexts
    reader: TestReader
    column: str
    ranking: Ranking
    n_mutants: int
    mutants: Limits
    tester_reward: TesterReward
    update: Update
    frozen: bool
    calibration: Calibration | None

    def __post_init__(self) -> None:
        if self.n < 2:
            raise ValueError(f"testing.n must be at least 2, got {self.n}: a reply is measured by its group")
        if self.n_mutants < 0:
            raise ValueError(f"testing.n_mutants must be 0 (none) or more, got {self.n_mutants}")
        if self.frozen and self.update.trains_testers:
            raise ValueError(
                "testing.frozen has tests written before the first step, so that no tester can learn from them; set "
                "online/update@testing.update=coder"
            )
        if self.frozen and self.calibration is not None:
            raise ValueError(
                "testing.frozen has tests written before the first step, and testing.calibration has labelled problems "
                "asked before each; set testing.frozen=false, or leave out calibration@testing.calibration"
            )
        if self.calibration is not None and not goes_by_b4(self.ranking):
            raise ValueError(
                f"testing.calibration chooses B4's prior, and testing.ranking is {type(self.ranking).__name__}; set "
                "ranking=b4, or leave out calibration@testing.calibration"
            )

    def drawing(self, programs: Rollouts) -> Rollouts:
        """Return how replies are sampled: like ``programs``, except for number and length."""
        return replace(programs, n=self.n, max_new_tokens=self.max_new_tokens)

    def asked(self, problems: Sequence[Problem], model: ModelRef, style: PromptStyle, max_length: int) -> Prompts:
        """Return the tester's prompts for ``problems``; raises as :meth:`conself.online.rollouts.Prompts.asked`."""

        def ask(problem: Problem) -> list[dict[str, str]]:
            return self.prompts.messages(style, problem, self.reader.max_cases)

        return Prompts.asked(problems, model, TESTER, ask, style.stop, max_length)

    def verification(self, comparison: Comparison, prior: Prior | None) -> Verification:
        """Return how programs and tests are verified; ``prior`` replaces B4's own, None: it does not."""
        ranking = self.ranking if prior is None else with_prior(self.ranking, prior)
        return Verification(self.column, ranking, comparison, self.n_mutants)


@dataclass(frozen=True)
class Greedy:
    """One greedy response of up to ``max_new_tokens``."""

    max_new_tokens: int
    n: int = 1

    def decoding(self, stop: tuple[str, ...]) -> Decoding:
        """Return these settings for the engine; ``stop`` are the strings that end a response."""
        return Decoding(0.0, 1.0, self.max_new_tokens, 1, stop)


def goes_by_b4(part: object) -> bool:
    """Return whether a part, or a part in its fields, is B4."""
    return with_prior(part, Prior(0, 0)) is not part


def with_prior(part: Part, prior: Prior) -> Part:
    """Return a part with ``prior`` wherever it, or a part in its fields, is B4."""

    def change(inner: object) -> object | None:
        if not isinstance(inner, B4):
            return None
        return replace(inner, log10_beta0=prior.log10_beta0, log10_alpha=prior.log10_alpha)

    return changed_within(part, change)
