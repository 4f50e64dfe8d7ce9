"""From rollouts to what is learned of them, with programs that run in the sandbox; values are worked out by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pytest

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.online.diagnostics import behaviour_figures, response_figures, share_like, winners_of
from conself.online.groups import Group
from conself.online.rollouts import Rollout
from conself.records import Pool, Undefined
from tests.online.online_world import grading, problem, rollout

DOUBLE, TRIPLE_ONE, CRASH = "def f(x): return 2 * x", "def f(x): return 3 if x == 1 else 4", "def f(x): return x.y"
FOUR = [rollout(0, DOUBLE, (7, 1)), rollout(1, "def f(x): return x + x", (8, 9, 1)), rollout(2, TRIPLE_ONE, (1,))]
FOUR.append(rollout(3, CRASH, (7, 7, 7, 1)))


def graded(*rollouts: Rollout) -> Group:
    (group,), _ = grading()([problem("p")], [rollouts], 0.0)
    return group


def test_a_group_is_rewarded_by_consensus_and_measured_by_its_mean() -> None:
    """R = 5/6, 5/6, 2/3, 0, as tests/rewards has it; their mean is 7/12, their sample deviation .39675."""
    group = graded(*FOUR)
    assert group.rewards == pytest.approx((5 / 6, 5 / 6, 2 / 3, 0))
    example = group.example(scale=True)
    assert example is not None
    assert example.signal == pytest.approx((0.62997, 0.62997, 0.20999, -1.46993), abs=2e-5)
    assert [response.tokens for response in example.responses] == [(7, 1), (8, 9, 1), (1,), (7, 7, 7, 1)]
    assert example.prompt == (3, 4)
    plain = group.example(scale=False)
    assert plain is not None
    assert plain.signal == pytest.approx((1 / 4, 1 / 4, 1 / 12, -7 / 12))


def test_what_is_cut_gets_nothing_stays_in_the_mean_and_is_not_learned_from() -> None:
    """The cut program agrees with two others, whose R it raises; its own reward is 0."""
    cut = rollout(2, DOUBLE, (7,) * 6, "length")
    group = graded(FOUR[0], FOUR[1], cut, FOUR[3])
    assert group.rewards == (1, 1, 0, 0)
    example = group.example(scale=True)
    assert example is not None
    assert example.signal == pytest.approx((0.8659, 0.8659, -0.8659), abs=5e-5)
    assert [len(response.tokens) for response in example.responses] == [2, 3, 4]


def test_a_group_of_equal_rewards_says_nothing() -> None:
    assert graded(*[rollout(k, DOUBLE) for k in range(3)]).example(scale=True) is None


def test_where_no_program_runs_there_is_nothing_to_learn() -> None:
    group = graded(rollout(0, CRASH), rollout(1, "no program ("))
    assert group.rewards == (0, 0)
    assert group.example(scale=True) is None


def test_figures_of_a_step() -> None:
    """Beside the four there is a group of two equal constants, one of them cut: rewards 1 and 0."""
    other = graded(rollout(0, "def f(x): return 0"), rollout(1, "def f(x): return 0", (7, 7), "length"))
    groups = [graded(*FOUR), other]
    found = behaviour_figures(groups)
    assert found["consensus"] == pytest.approx((5 / 6 + 5 / 6 + 2 / 3 + 0 + 1 + 1) / 6)
    assert found["winner_consensus"] == pytest.approx((5 / 6 + 1) / 2)
    assert found["distinct_traces"] == (2 + 1) / 2
    assert [found[name] for name in ("constant", "crashed", "without_code")] == pytest.approx([0.5, 1 / 6, 0])
    drawn = response_figures(groups)
    assert drawn["reward"] == pytest.approx((7 / 3 + 1) / 6)
    assert [drawn[name] for name in ("zero_variance", "cut")] == pytest.approx([0, 1 / 6])
    assert [drawn[name] for name in ("sampled_tokens", "length", "entropy")] == pytest.approx([14, 14 / 6, 1])


def test_programs_are_held_against_the_first_winner() -> None:
    """Of the four the first two behave like the best; of three later ones one does. The other problem's are its own."""
    other, first = problem("q"), graded(*FOUR)
    (quiet,), _ = grading()([other], [[rollout(0, "def f(x): return 0"), rollout(1, CRASH)]], 0.0)
    winners = winners_of([first, quiet])
    assert set(winners) == {"p", "q"}
    assert winners["p"] == first.agreement.keys[0] != first.agreement.keys[2]
    assert share_like([first, quiet], winners) == (2 / 4 + 1 / 2) / 2
    later = graded(FOUR[2], rollout(1, TRIPLE_ONE), rollout(2, DOUBLE))
    assert share_like([later, quiet], winners) == pytest.approx((1 / 3 + 1 / 2) / 2)


@dataclass(frozen=True)
class Fixed:
    """Always the same."""

    needs_tests: ClassVar[bool] = False

    given: Sequence[float] | Undefined

    def __call__(
        self,
        pool: Pool,  # noqa: ARG002
        agreement: Agreement,  # noqa: ARG002
        passing: PassingMatrix | None,  # noqa: ARG002
        progress: float,  # noqa: ARG002
    ) -> Sequence[float] | Undefined:
        """What it was made with."""
        return self.given


@pytest.mark.parametrize("given", [(0.0, 1.0, 2.0), (0.0, float("nan"))])
def test_a_reward_of_the_wrong_length_or_not_finite_is_refused(given: Sequence[float]) -> None:
    with pytest.raises(ValueError, match="responses to problem 'p'; a reward gives one finite number for each"):
        grading(Fixed(given))([problem("p")], [[rollout(0, DOUBLE), rollout(1, CRASH)]], 0.0)


def test_a_group_that_the_reward_says_nothing_of_leaves_and_is_counted() -> None:
    """Two of three groups have rewards: 1, 0 and 0, 0."""
    two = [rollout(0, DOUBLE), rollout(1, CRASH)]
    groups = [grading(Fixed(given))([problem("p")], [two], 0.0)[0][0] for given in ((1, 0), Undefined("why"), (0, 0))]
    assert [group.rewards for group in groups] == [(1, 0), Undefined("why"), (0, 0)]
    assert [group.example(scale=True) is None for group in groups] == [False, True, True]
    drawn = response_figures(groups)
    figures = [drawn[name] for name in ("reward", "reward_sd", "zero_variance", "unrewarded")]
    assert figures == pytest.approx([1 / 4, 3**0.5 / 4, 1 / 3, 1 / 3])
    nothing = response_figures(groups[1:2])
    assert [nothing[name] for name in ("reward", "reward_sd", "zero_variance", "unrewarded")] == [0, 0, 0, 1]


def test_a_program_of_the_group_that_lacks_a_module_is_counted() -> None:
    _, ran = grading()([problem("p")], [[rollout(0, "import numpy\n" + DOUBLE), rollout(1, DOUBLE)]], 0.0)
    assert ran.missing_modules == 1
