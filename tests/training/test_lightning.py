"""The training step from outside: schedule, exact means, what moves and what does not."""

import math
from collections.abc import Mapping
from typing import Any

import pytest
import torch
from lightning.pytorch.loggers import Logger

from conself.losses.con_dpo import ConDPO
from conself.losses.output import Loss
from conself.losses.sft import SFT
from conself.training.data import Example, global_batches, pair_example
from conself.training.device_learner import DeviceLearner
from conself.training.lightning import Epochs, PreferenceModule, run_epochs
from conself.training.schedules import WarmupConstant, WarmupCosine
from conself.training.settings import Training
from tests.training.training_world import layouts, lora_policy, naive, per_token, settings, tiny_qwen, token_pairs


class Kept(Logger):
    """Keeps the rows it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[dict[str, float]] = []

    @property
    def name(self) -> str:
        return "kept"

    @property
    def version(self) -> str:
        return "0"

    def log_hyperparams(self, *args: Any, **kwargs: Any) -> None:
        """There are none."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:  # noqa: ARG002
        self.rows.append(dict(metrics))


def train(pairs: list[Example], chosen: Training, loss: Loss, logger: Logger | None = None) -> PreferenceModule:
    policy = lora_policy(tiny_qwen())
    with torch.no_grad():
        values = per_token(tiny_qwen(), chosen.runtime.layout, pairs)
    steps = chosen.epochs * math.ceil(len(pairs) / chosen.batch_size)
    schedule = WarmupCosine(steps, chosen.warmup_ratio)
    reference = (lambda batch: torch.cat([values[r] for r in batch.responses])) if loss.needs_reference else None
    module = PreferenceModule(DeviceLearner(policy, loss, chosen, schedule, reference), steps, None)
    run_epochs(module, Epochs(pairs, chosen, 0, 0), chosen, logger)
    return module


def learner_of(module: PreferenceModule) -> DeviceLearner:
    assert isinstance(module.learner, DeviceLearner)
    return module.learner


def test_schedule_by_hand() -> None:
    """10 steps, 20 % warm-up: 1/2, 1, then half a cosine over 8 steps."""
    factors = [WarmupCosine(10, 0.2)(step) for step in range(10)]
    assert factors[:3] == [0.5, 1.0, 1.0]
    assert factors[6] == pytest.approx(0.5)
    assert factors[4] == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)))
    assert factors[9] == pytest.approx(0.5 * (1 + math.cos(math.pi * 7 / 8)))
    assert [WarmupCosine(1, ratio)(0) for ratio in (0.0, 0.1, 1.0)] == [1.0, 1.0, 1.0]


def test_a_constant_rate_after_its_warm_up() -> None:
    assert [WarmupConstant(4)(step) for step in (0, 1, 3, 4, 10**6)] == [0.25, 0.5, 1.0, 1.0, 1.0]
    assert WarmupConstant(0)(0) == 1.0


def test_the_first_step_starts_at_the_reference() -> None:
    """Policy = reference: the loss is the mean of R * log 2 over the global batch, the margins are 0."""
    pairs = token_pairs([3, 2, 1])
    first = train(pairs, settings(batch_size=6, epochs=1), ConDPO(beta=1.0)).curve[0]
    weight = sum(pair.signal[0] for pair in pairs) / 6
    assert first["mean_weight"] == pytest.approx(weight)
    assert first["loss"] == pytest.approx(weight * math.log(2), abs=1e-5)
    assert first["margin"] == pytest.approx(0.0, abs=1e-5)
    assert first["kl"] == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("layout", layouts(0))
@pytest.mark.parametrize("loss", [ConDPO(beta=0.5), SFT()], ids=["con_dpo", "sft"])
def test_means_are_exact_however_the_batch_is_cut(loss: Loss, layout: str) -> None:
    """Ragged micro-batches, and a last batch of 2 instead of 5: every figure of every step stays the same."""
    pairs = token_pairs([3, 2, 1, 3, 3])
    curves = [train(pairs, settings(layouts(b)[layout], batch_size=5), loss).curve for b in (40, 80, 10_000)]
    assert [len(curve) for curve in curves] == [6, 6, 6]
    for rows in zip(*curves, strict=True):
        for name in rows[0]:
            if name != "accuracy":  # a step function: rounding decides it where the margin is 0
                assert [row[name] for row in rows] == pytest.approx([rows[0][name]] * 3, rel=2e-3, abs=2e-5), name


def test_training_is_the_textbook_loop() -> None:
    """The same weights as a loop written out: naive log-probs, Eq. 4 and 5, clip, AdamW, schedule."""
    pairs, chosen = token_pairs([3, 2, 1, 2]), settings(epochs=2, batch_size=3, weight_decay=0.1, gradient_clip=0.5)
    module = train(pairs, chosen, ConDPO(beta=0.5))

    policy = lora_policy(tiny_qwen()).model
    base = tiny_qwen()
    parameters = [parameter for parameter in policy.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, weight_decay=0.1)
    step = 0
    for epoch in range(2):
        for batch in global_batches(pairs, 3, 0, epoch, by_problem=True):
            losses = []
            for pair in batch:
                gains = [naive(policy, r) - naive(base, r).detach() for r in pair.responses]
                losses.append(pair.signal[0] * torch.log1p(torch.exp(-0.5 * (gains[0] - gains[1]))))
            optimizer.zero_grad()
            torch.stack(losses).mean().backward()
            torch.nn.utils.clip_grad_norm_(parameters, 0.5)
            optimizer.param_groups[0]["lr"] = 5e-3 * WarmupCosine(6, 0.1)(step)
            optimizer.step()
            step += 1
    for ours, theirs in zip(learner_of(module).parameters, parameters, strict=True):
        assert torch.linalg.vector_norm(ours - theirs) <= 1e-3 * torch.linalg.vector_norm(theirs)


def test_only_the_adapter_moves_and_margins_grow() -> None:
    before = {name: value.clone() for name, value in tiny_qwen().state_dict().items()}
    module = train(token_pairs([2, 2, 2, 2]), settings(epochs=8), ConDPO(beta=0.5))
    trained = learner_of(module).policy.model.state_dict()
    after = {name.replace(".base_layer", ""): value for name, value in trained.items()}
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    lora_b = [value for name, value in after.items() if "lora_B" in name]
    assert len(lora_b) == 14
    assert all(bool(value.any()) for value in lora_b), "B starts at 0"
    first, last = module.curve[0], module.curve[-1]
    assert last["margin"] > first["margin"] + 0.5
    assert last["accuracy"] == 1.0
    assert last["loss"] < first["loss"]
    gained, lost = (last[f"{who}_log_prob"] - first[f"{who}_log_prob"] for who in ("chosen", "rejected"))
    assert last["margin"] == pytest.approx(0.5 * (gained - lost), abs=1e-4), "all pairs in every step: the same means"
    assert last["kl"] == pytest.approx(-(gained + lost) / 2, abs=1e-4)


def test_speed_is_logged_and_no_part_of_the_curve() -> None:
    """A curve is stored, and the same to the last bit however often the training was interrupted; time is not."""
    pairs, logger = token_pairs([2, 2]), Kept()
    module = train(pairs, settings(epochs=2, batch_size=4), ConDPO(beta=0.5), logger)
    assert [set(row) - {"epoch"} for row in logger.rows] == [
        {"train/tokens_per_second", *(f"train/{name}" for name in row)} for row in module.curve
    ]
    assert all(row["train/tokens_per_second"] > 0 for row in logger.rows)


def test_gradients_are_clipped_to_the_norm_and_the_norm_before_is_logged() -> None:
    """Adam's first step does not see the size of a gradient, so the clip shows in the second moments."""
    loose = train(token_pairs([2]), settings(epochs=1, gradient_clip=None), ConDPO(beta=5.0))
    tight = train(token_pairs([2]), settings(epochs=1, gradient_clip=1e-3), ConDPO(beta=5.0))
    assert tight.curve[0]["grad_norm"] == pytest.approx(loose.curve[0]["grad_norm"])
    assert loose.curve[0]["grad_norm"] > 1e-2
    norm = math.sqrt(sum(float((p.grad**2).sum()) for p in learner_of(tight).parameters if p.grad is not None))
    assert norm == pytest.approx(1e-3, rel=1e-2)


def test_a_loss_that_is_not_finite_stops_and_names_the_problems() -> None:
    pairs = token_pairs([1, 1, 1])
    sick = [*pairs[:2], pair_example("sick", "sick/0/1", *pairs[2].responses, math.nan)]
    with pytest.raises(FloatingPointError, match=r"loss is nan at step \d \(problems: sick\); lower training"):
        train(sick, settings(batch_size=1, epochs=1), ConDPO(beta=0.5))
