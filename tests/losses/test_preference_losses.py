"""Con-DPO and DPO against pencil and paper (Eq. 4, 5)."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from conself.losses.con_dpo import ConDPO
from conself.losses.dpo import DPO
from conself.losses.output import LogProbs, LossOutput, Signal, check_weights
from conself.losses.preference import PairSums, drift, pair_sums
from conself.losses.sft import SFT


def log_probs(chosen: list[float], rejected: list[float] | None) -> PairSums:
    return PairSums(
        chosen=torch.tensor(chosen, dtype=torch.float64, requires_grad=True),
        rejected=None if rejected is None else torch.tensor(rejected, dtype=torch.float64, requires_grad=True),
    )


def weights(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def tokens(sums: PairSums) -> LogProbs:
    """Responses of one token each, winners first: sums are of one term."""
    parts = [sums.chosen] if sums.rejected is None else [sums.chosen, sums.rejected]
    return LogProbs(torch.cat(parts), (1,) * (len(parts) * len(sums.chosen)))


def loss_of(loss: ConDPO | DPO, policy: PairSums, reference: PairSums | None, winner_weight: Tensor) -> LossOutput:
    columns = 1 if policy.rejected is None else 2
    rows = torch.arange(columns * len(winner_weight)).view(columns, -1).T
    values = torch.stack([winner_weight, torch.zeros_like(winner_weight)], 1)[:, :columns]
    return loss(tokens(policy), None if reference is None else tokens(reference), Signal(rows, values, None))


def test_policy_equal_to_reference_costs_weight_times_log_2() -> None:
    same = log_probs([-3.0, -70.0], [-9.0, -1.0])
    output = loss_of(ConDPO(beta=0.1), same, same, weights(0.25, 1.0))
    assert output.losses.tolist() == pytest.approx([0.25 * math.log(2), math.log(2)], rel=1e-12)
    assert output.diagnostics["margin"].tolist() == [0.0, 0.0]
    assert output.diagnostics["accuracy"].tolist() == [0.0, 0.0], "r > 0 is strict"


def test_by_hand() -> None:
    """Winner gained 1 nat, loser lost 1: r = .5 * (1 + 1) = 1; loss = .8 * log(1 + e^-1) = .8 * .3132616875."""
    policy, reference = log_probs([-2.0], [-5.0]), log_probs([-3.0], [-4.0])
    output = loss_of(ConDPO(beta=0.5), policy, reference, weights(0.8))
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
    found = drift(PairSums(pi.log()[drawn], None), PairSums(ref.log()[drawn], None))
    assert found.mean().item() == pytest.approx(0.5 * math.log(0.5 / 0.9) + 0.5 * math.log(0.5 / 0.1), abs=0.02)


def test_gradient_by_hand_pushes_winner_up_and_loser_down() -> None:
    """d loss / d log pi(yw) = -R * beta * sigmoid(-r) = -.8 * .5 * .2689414214, and its opposite for yl."""
    policy, reference = log_probs([-2.0], [-5.0]), log_probs([-3.0], [-4.0])
    loss_of(ConDPO(beta=0.5), policy, reference, weights(0.8)).losses.sum().backward()
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


def test_sums_are_each_responses_own_and_a_winner_of_two_pairs_gets_both_gradients() -> None:
    """Responses of 2, 1 and 3 tokens: sums -3, -4 and -6; the first is the winner of two pairs."""
    per_token = torch.tensor([-1.0, -2.0, -4.0, -1.0, -2.0, -3.0], requires_grad=True)
    found = pair_sums(LogProbs(per_token, (2, 1, 3)), torch.tensor([[0, 1], [0, 2]]))
    assert found.rejected is not None
    assert (found.chosen.tolist(), found.rejected.tolist()) == ([-3.0, -3.0], [-4.0, -6.0])
    assert found.chosen.dtype == torch.float64
    (found.chosen.sum() + 10 * found.rejected.sum()).backward()
    assert per_token.grad is not None
    assert per_token.grad.tolist() == [2.0, 2.0, 10.0, 10.0, 10.0, 10.0]


def test_a_hopeless_margin_costs_its_size_not_infinity() -> None:
    policy, reference = log_probs([-1000.0], [0.0]), log_probs([0.0], [-1000.0])
    assert loss_of(ConDPO(beta=1.0), policy, reference, weights(0.5)).losses.item() == pytest.approx(1000.0)


nats = st.floats(-200, 0)


@given(st.lists(st.tuples(nats, nats, nats, nats, st.floats(0, 1)), min_size=1, max_size=5), st.floats(0.01, 2))
def test_dpo_is_con_dpo_with_every_weight_one(rows: list[tuple[float, ...]], beta: float) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    policy, reference = log_probs(columns[0], columns[1]), log_probs(columns[2], columns[3])
    own = weights(*columns[4])
    plain = loss_of(DPO(beta), policy, reference, own).losses
    assert torch.equal(plain, loss_of(ConDPO(beta), policy, reference, torch.ones_like(own)).losses)
    assert torch.allclose(loss_of(ConDPO(beta), policy, reference, own).losses, own * plain)


@pytest.mark.parametrize("loss", [ConDPO(0.1), DPO(0.1)], ids=["con_dpo", "dpo"])
def test_what_is_missing_is_said(loss: ConDPO | DPO) -> None:
    full, winners = log_probs([-1.0], [-2.0]), log_probs([-1.0], None)
    assert loss.needs_reference
    with pytest.raises(ValueError, match="reference log-probs"):
        loss_of(loss, full, None, weights(1.0))
    with pytest.raises(ValueError, match="a loser in every pair"):
        loss_of(loss, winners, winners, weights(1.0))


def test_diagnostics_carry_no_gradient() -> None:
    policy, reference = log_probs([-2.0], [-5.0]), log_probs([-3.0], [-4.0])
    output = loss_of(ConDPO(beta=0.5), policy, reference, weights(0.8))
    assert output.losses.requires_grad
    assert not any(values.requires_grad for values in output.diagnostics.values())


def test_winners_without_a_weight_are_refused_by_the_loss_that_reads_it() -> None:
    with pytest.raises(ValueError, match="the ranking gives no weights; choose ranking=consensus, or loss=dpo"):
        check_weights(present=False, needed=ConDPO.needs_weight)
    check_weights(present=True, needed=ConDPO.needs_weight)
    for loss in (DPO, SFT):
        check_weights(present=False, needed=loss.needs_weight)
