"""GRPO against pencil and paper, and against the formulas written out token by token in float64."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from conself.losses.advantages import advantages
from conself.losses.con_dpo import ConDPO
from conself.losses.dpo import DPO
from conself.losses.grpo import GRPO, k3
from conself.losses.output import LogProbs, LossOutput, Signal, check_pairs_do
from conself.losses.sft import SFT

PLAIN = {"clip_low": 0.2, "clip_high": 0.28, "dual_clip": 3.0, "beta": 0.0, "mean_over": "tokens"}


def grpo(**changes: object) -> GRPO:
    settings: dict[str, Any] = {**PLAIN, **changes}
    return GRPO(**settings)


def one_token(ratio: float, advantage: float, drift: float = 0.0, **changes: object) -> LossOutput:
    """One token, ``ratio`` times as likely as when it was drawn; the reference is ``drift`` nats off."""
    policy = torch.tensor([-1.0], dtype=torch.float64, requires_grad=True)
    behaviour = torch.tensor([-1.0 - math.log(ratio)], dtype=torch.float64)
    signal = Signal(torch.tensor([[0]]), torch.tensor([[advantage]], dtype=torch.float64), behaviour)
    output = grpo(**changes)(LogProbs(policy, (1,)), LogProbs(policy.detach() + drift, (1,)), signal)
    output.losses.sum().backward()
    assert policy.grad is not None
    output.diagnostics["slope"] = policy.grad  # type: ignore[index]  # a dict
    return output


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "slope", "clipped"),
    [
        (1.0, 0.5, -0.5, -0.5, 0),  # on policy: the plain policy gradient, -A
        (1.2, 0.5, -0.6, -0.6, 0),
        (1.5, 0.5, -0.64, 0.0, 1),  # 1.28 x .5: no more to gain
        (0.5, 0.5, -0.25, -0.25, 0),  # it lost: nothing keeps it from coming back
        (1.5, -0.5, 0.75, 0.75, 0),
        (0.5, -0.5, 0.4, 0.0, 1),  # .8 x .5: no more to lose
        (5.0, -0.5, 1.5, 0.0, 1),  # the dual clip: 3 x .5
    ],
)
def test_one_token_by_hand(ratio: float, advantage: float, loss: float, slope: float, clipped: int) -> None:
    found = one_token(ratio, advantage)
    assert found.losses.item() == pytest.approx(loss, rel=1e-12)
    assert found.diagnostics["slope"].item() == pytest.approx(slope, rel=1e-12)
    assert found.diagnostics["ratio"].item() == pytest.approx(ratio, rel=1e-12)
    assert found.diagnostics["clipped"].item() == clipped
    assert "kl" not in found.diagnostics


def test_without_a_dual_clip_the_loss_goes_on_growing() -> None:
    found = one_token(5.0, -0.5, dual_clip=None)
    assert (found.losses.item(), found.diagnostics["clipped"].item()) == (pytest.approx(2.5), 0)


def test_the_kl_term_by_hand() -> None:
    """d = log 2: k3 = 2 - log 2 - 1 = .3068528; its slope in log pi is 1 - e^d = -1."""
    found = one_token(1.0, 0.5, drift=math.log(2), beta=0.1)
    assert found.diagnostics["kl"].item() == pytest.approx(0.3068528194)
    assert found.losses.item() == pytest.approx(-0.5 + 0.1 * 0.3068528194)
    assert found.diagnostics["slope"].item() == pytest.approx(-0.5 - 0.1)
    assert k3(torch.tensor([0.0])).item() == 0.0


def test_means_over_tokens_and_over_responses_by_hand() -> None:
    """Advantages 1 and -1 over 1 and 3 tokens, on policy: (-1 + 3) / 4 tokens, or (-1 + 1) / 2 responses."""
    policy, lengths = torch.full((4,), -2.0, dtype=torch.float64), (1, 3)
    signal = Signal(torch.tensor([[0], [1]]), torch.tensor([[1.0], [-1.0]], dtype=torch.float64), policy)
    by_tokens = grpo()(LogProbs(policy, lengths), None, signal)
    assert by_tokens.losses.tolist() == [-1.0, 1.0, 1.0, 1.0]
    by_responses = grpo(mean_over="responses")(LogProbs(policy, lengths), None, signal)
    assert by_responses.losses.tolist() == pytest.approx([-1.0, 1 / 3, 1 / 3, 1 / 3])
    assert by_responses.diagnostics["log_prob"].sum().item() / 2 == pytest.approx(-2.0)


numbers = st.floats(-3, 0)


@given(
    st.lists(st.tuples(st.integers(1, 4), st.floats(-2, 2)), min_size=1, max_size=4),
    st.randoms(use_true_random=False),
    st.sampled_from(["tokens", "responses"]),
    st.sampled_from([None, 2.0]),
    st.sampled_from([0.0, 0.3]),
)
def test_the_formulas_written_out(
    shape: list[tuple[int, float]], draw: Any, mean_over: str, dual_clip: float | None, beta: float
) -> None:
    """Rows in another order than examples, and the first response twice: equal ones are computed once."""
    lengths = [length for length, _ in shape][::-1]
    places = [*range(len(shape))[::-1], len(shape) - 1]  # example n stands at row R - 1 - n
    told = [advantage for _, advantage in shape] + [0.25]

    def values(count: int) -> list[float]:
        return [-3 * draw.random() for _ in range(count)]

    policy = torch.tensor(values(sum(lengths)), dtype=torch.float64, requires_grad=True)
    reference = torch.tensor(values(sum(lengths)), dtype=torch.float64)
    behaviour = values(sum(lengths[place] for place in places))
    signal = Signal(
        torch.tensor(places)[:, None],
        torch.tensor(told, dtype=torch.float64)[:, None],
        torch.tensor(behaviour, dtype=torch.float64),
    )
    loss = grpo(mean_over=mean_over, dual_clip=dual_clip, beta=beta)
    total = loss(LogProbs(policy, tuple(lengths)), LogProbs(reference, tuple(lengths)), signal).losses.sum()
    total.backward()

    again = policy.detach().clone().requires_grad_()
    expected, drawn = torch.zeros((), dtype=torch.float64), iter(behaviour)
    for place, advantage in zip(places, told, strict=True):
        start = sum(lengths[:place])
        for t in range(start, start + lengths[place]):
            rho = torch.exp(again[t] - next(drawn))
            kept = 0.8 if rho < 0.8 else 1.28 if rho > 1.28 else rho
            term = min(rho * advantage, kept * advantage)
            if advantage < 0 and dual_clip is not None:
                term = max(term, dual_clip * advantage)
            d = reference[t] - again[t]
            part = -term + beta * (torch.exp(d) - d - 1)
            expected = expected + part / (lengths[place] if mean_over == "responses" else 1)
    assert total.item() == pytest.approx(expected.item(), rel=1e-10, abs=1e-10)
    if expected.requires_grad:
        expected.backward()
    slopes = torch.zeros_like(policy) if again.grad is None else again.grad
    assert policy.grad is not None
    assert torch.allclose(policy.grad, slopes, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("rewards", "scaled"),
    [
        ([1, 0, 0, 1], [0.8659, -0.8659, -0.8659, 0.8659]),
        ([1, 0, 0, 0, 0, 0, 0, 0], [2.4742, *[-0.3535] * 7]),
        ([0.9, 0.7, 0.5, 0.1], [1.0244, 0.4390, -0.1463, -1.3171]),
    ],
)
def test_advantages_by_hand(rewards: list[float], scaled: list[float]) -> None:
    """The sample deviation of the first is sqrt(4 x .25 / 3) = .57735: .5 / .57745."""
    assert advantages(rewards, scale=True) == pytest.approx(scaled, abs=5e-5)
    mean = sum(rewards) / len(rewards)
    assert advantages(rewards, scale=False) == pytest.approx([reward - mean for reward in rewards])


@pytest.mark.parametrize("rewards", [[0.1] * 3, [1.0], [0, 0.0]])
def test_equal_rewards_say_nothing(rewards: list[float]) -> None:
    """Exactly equal ones: the deviation of three times .1 is not 0 in floating point."""
    assert advantages(rewards, scale=True) is None
    assert advantages(rewards, scale=False) is None


def test_a_group_has_rollouts() -> None:
    with pytest.raises(ValueError, match="a group needs at least one rollout"):
        advantages([], scale=True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"clip_low": 1.0}, "loss.clip_low is 1.0; it must lie between 0 and 1"),
        ({"clip_high": 0.0}, "loss.clip_high is 0.0; it must be above 0"),
        ({"dual_clip": 1.2}, "loss.dual_clip is 1.2; it must be above 1"),
        ({"beta": -1e-3}, "loss.beta is -0.001; it must be 0"),
        ({"beta": math.nan}, "loss.beta is nan; it must be 0"),
        ({"mean_over": "pairs"}, "loss.mean_over must be one of tokens, responses, got 'pairs'"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        grpo(**changes)


def test_a_pipeline_of_pairs_refuses_it_and_takes_the_others() -> None:
    with pytest.raises(ValueError, match=r"GRPO learns from responses sampled for each step, .*; choose loss=con_dpo"):
        check_pairs_do(grpo())
    for loss in (ConDPO(0.1), DPO(0.1), SFT()):
        check_pairs_do(loss)


def test_what_is_missing_is_said() -> None:
    policy = LogProbs(torch.zeros(1), (1,))
    rows, values = torch.tensor([[0]]), torch.ones(1, 1)
    with pytest.raises(ValueError, match="GRPO needs the log-probs with which responses were drawn"):
        grpo()(policy, None, Signal(rows, values, None))
    with pytest.raises(ValueError, match=r"needs reference log-probs; pass them, or set loss.beta=0"):
        grpo(beta=0.1)(policy, None, Signal(rows, values, torch.zeros(1)))
    assert (grpo().needs_reference, grpo(beta=0.1).needs_reference) == (False, True)
