"""Con-DPO and DPO against pencil and paper (Eq. 4, 5)."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from conself.losses.con_dpo import ConDPO
from conself.losses.dpo import DPO
from conself.losses.output import LogProbs, check_weights, drift
from conself.losses.sft import SFT


def log_probs(chosen: list[float], rejected: list[float] | None) -> LogProbs:
    return LogProbs(
        chosen=torch.tensor(chosen, dtype=torch.float64, requires_grad=True),
        rejected=None if rejected is None else torch.tensor(rejected, dtype=torch.float64, requires_grad=True),
        chosen_tokens=torch.ones(len(chosen), dtype=torch.int64),
    )


def weights(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def test_policy_equal_to_reference_costs_weight_times_log_2() -> None:
    same = log_probs([-3.0, -70.0], [-9.0, -1.0])
    output = ConDPO(beta=0.1)(same, same, weights(0.25, 1.0))
    assert output.losses.tolist() == pytest.approx([0.25 * math.log(2), math.log(2)], rel=1e-12)
    assert output.diagnostics["margin"].tolist() == [0.0, 0.0]
    assert output.diagnostics["accuracy"].tolist() == [0.0, 0.0], "r > 0 is strict"


def test_by_hand() -> None:
    """Winner gained 1 nat, loser lost 1: r = .5 * (1 + 1) = 1; loss = .8 * log(1 + e^-1) = .8 * .3132616875."""
    policy, reference = log_probs([-2.0], [-5.0]), log_probs([-3.0], [-4.0])
    output = ConDPO(beta=0.5)(policy, reference, weights(0.8))
    assert output.losses.item() == pytest.approx(0.8 * 0.3132616875, rel=1e-9)
    shown = {name: values.item() for name, values in output.diagnostics.items()}
    rewards = {"margin": 1.0, "accuracy": 1.0, "chosen_reward": 0.5, "rejected_reward": -0.5}
    assert shown == {**rewards, "chosen_log_prob": -2.0, "rejected_log_prob": -5.0, "kl": 0.0}


def test_drift_by_hand() -> None:
    """Winner lost 1 nat, loser 4: 2.5 on average; where both gained it is negative; alone it is the winner's."""
    policy, reference = log_probs([-4.0, -1.0], [-8.0, -2.0]), log_probs([-3.0, -2.0], [-4.0, -5.0])
    assert drift(policy, reference).tolist() == [2.5, -2.0]
    assert drift(log_probs([-4.0], None), log_probs([-3.0], None)).tolist() == [1.0]


def test_drift_estimates_the_divergence_from_reference_to_policy() -> None:
    """Two responses: over what the reference draws, its mean is the sum of ref * log(ref / pi)."""
    ref, pi = torch.tensor([0.5, 0.5], dtype=torch.float64), torch.tensor([0.9, 0.1], dtype=torch.float64)
    drawn = torch.multinomial(ref, 40_000, replacement=True, generator=torch.Generator().manual_seed(0))
    found = drift(LogProbs(pi.log()[drawn], None, drawn), LogProbs(ref.log()[drawn], None, drawn))
    assert found.mean().item() == pytest.approx(0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1), abs=0.02)


def test_gradient_by_hand_pushes_winner_up_and_loser_down() -> None:
    """d loss / d log pi(yw) = -R * beta * sigmoid(-r) = -.8 * .5 * .2689414214, and its opposite for yl."""
    policy, reference = log_probs([-2.0], [-5.0]), log_probs([-3.0], [-4.0])
    ConDPO(beta=0.5)(policy, reference, weights(0.8)).losses.sum().backward()
    assert policy.chosen.grad is not None
    assert policy.rejected is not None
    assert policy.rejected.grad is not None
    assert policy.chosen.grad.item() == pytest.approx(-0.1075765686, rel=1e-9)
    assert policy.rejected.grad.item() == pytest.approx(0.1075765686, rel=1e-9)


@pytest.mark.parametrize("loss", [ConDPO, DPO])
@pytest.mark.parametrize("beta", [0.0, -0.1, math.inf, math.nan])
def test_beta_is_above_zero(loss: type[ConDPO | DPO], beta: float) -> None:
    with pytest.raises(ValueError, match=r"loss\.beta is .*; it must be above 0"):
        loss(beta)


def test_a_hopeless_margin_costs_its_size_not_infinity() -> None:
    policy, reference = log_probs([-1000.0], [0.0]), log_probs([0.0], [-1000.0])
    assert ConDPO(beta=1.0)(policy, reference, weights(0.5)).losses.item() == pytest.approx(1000.0)


nats = st.floats(-200, 0)


@given(st.lists(st.tuples(nats, nats, nats, nats, st.floats(0, 1)), min_size=1, max_size=5), st.floats(0.01, 2))
def test_dpo_is_con_dpo_with_every_weight_one(rows: list[tuple[float, ...]], beta: float) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    policy, reference = log_probs(columns[0], columns[1]), log_probs(columns[2], columns[3])
    own = weights(*columns[4])
    plain = DPO(beta)(policy, reference, own).losses
    assert torch.equal(plain, ConDPO(beta)(policy, reference, torch.ones_like(own)).losses)
    assert torch.allclose(ConDPO(beta)(policy, reference, own).losses, own * plain)


@pytest.mark.parametrize("loss", [ConDPO(0.1), DPO(0.1)], ids=["con_dpo", "dpo"])
def test_what_is_missing_is_said(loss: ConDPO | DPO) -> None:
    full, winners = log_probs([-1.0], [-2.0]), log_probs([-1.0], None)
    assert loss.needs_reference
    with pytest.raises(ValueError, match="reference log-probs"):
        loss(full, None, weights(1.0))
    with pytest.raises(ValueError, match="a loser in every pair"):
        loss(winners, winners, weights(1.0))


def test_diagnostics_carry_no_gradient() -> None:
    policy, reference = log_probs([-2.0], [-5.0]), log_probs([-3.0], [-4.0])
    output = ConDPO(beta=0.5)(policy, reference, weights(0.8))
    assert output.losses.requires_grad
    assert not any(values.requires_grad for values in output.diagnostics.values())


def test_winners_without_a_weight_are_refused_by_the_loss_that_reads_it() -> None:
    with pytest.raises(ValueError, match="the ranking gives no weights; choose ranking=consensus, or loss=dpo"):
        check_weights(there=False, needed=ConDPO.needs_weight)
    check_weights(there=True, needed=ConDPO.needs_weight)
    for loss in (DPO, SFT):
        check_weights(there=False, needed=loss.needs_weight)
