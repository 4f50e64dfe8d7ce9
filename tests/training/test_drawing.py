"""Drawing from a model in training: the tokens of its weights as they are, and nothing of the training changes."""

import pytest
import torch

from conself.engines.decoding import Decoding
from conself.engines.transformers.generation import stream
from conself.engines.transformers.ledger import Completion, Request
from conself.losses.grpo import GRPO
from conself.records import ModelRef
from conself.training.data import Example, Response
from conself.training.device_learner import DeviceLearner
from conself.training.layouts.padded import Layout
from conself.training.policy.recompute import checkpoint_layers
from conself.training.schedules import WarmupConstant
from conself.training.strategies.ranks import Ranks
from tests.training.rollouts import groups
from tests.training.training_world import END, layouts, lora_policy, per_token, settings, tiny_qwen

LOSS = GRPO(clip_low=0.2, clip_high=0.28, dual_clip=3.0, beta=0.0, mean_over="tokens")
HOW = Decoding(temperature=1.0, top_p=1.0, max_new_tokens=12, entropy_top_k=1)
REQUESTS = [Request((10, 5, 6), (1, 2, 3)), Request((11, 5), (4,))]


def learner_of(layout: Layout, share: float = 0.0) -> DeviceLearner:
    policy = lora_policy(tiny_qwen(), lora_b=0.05)
    checkpoint_layers(policy.model, share)
    layout.prepare(policy.model, groups([2]))
    return DeviceLearner(policy, LOSS, settings(layout), WarmupConstant(0), None)


def ids(drawn: list[list[Completion]]) -> list[list[int]]:
    return [completion.token_ids.tolist() for group in drawn for completion in group]


@pytest.mark.parametrize("share", [0.0, 1.0], ids=["kept", "recomputed"])
@pytest.mark.parametrize("layout", ["distinct", "shared"])
def test_it_draws_what_the_weights_would_by_themselves(layout: str, share: float, model_ref: ModelRef) -> None:
    learner = learner_of(layouts(512)[layout], share)
    drawn = learner.draw(model_ref, REQUESTS, HOW, 8)
    plain = list(stream(lora_policy(tiny_qwen(), lora_b=0.05).model, REQUESTS, HOW, [END], 8))
    assert ids(drawn) == ids(plain)
    learner.step(groups([3, 2]))
    assert ids(learner.draw(model_ref, REQUESTS, HOW, 8)) != ids(drawn), "or the seeds would be all that counts"


@pytest.mark.parametrize("layout", ["distinct", "shared"])
def test_log_probs_of_what_is_drawn_are_the_learners_own(layout: str, model_ref: ModelRef) -> None:
    chosen = layouts(512)[layout]
    learner = learner_of(chosen)
    drawn = learner.draw(model_ref, REQUESTS, HOW, 8)
    for request, group in zip(REQUESTS, drawn, strict=True):
        for completion in group:
            response = Response(request.prompt_ids, tuple(completion.token_ids.tolist()))
            example = Example("p", "p", (response,), (1.0,), None)
            with torch.no_grad():
                own = per_token(learner.policy.model, chosen, [example])[response]
            torch.testing.assert_close(torch.from_numpy(completion.token_logprobs), own, atol=1e-5, rtol=0)


@pytest.mark.parametrize("share", [0.0, 1.0], ids=["kept", "recomputed"])
def test_who_draws_in_between_learns_the_same(share: float, model_ref: ModelRef) -> None:
    rows = []
    for draws in (False, True):
        learner = learner_of(layouts(512)["shared"], share)
        for seed in range(2):
            if draws:
                learner.draw(model_ref, REQUESTS, HOW, 8)
            rows.append(learner.step(groups([3, 2], seed)))
    assert rows[:2] == rows[2:]


def test_several_devices_are_refused(model_ref: ModelRef) -> None:
    learner = learner_of(layouts(512)["distinct"])
    learner.ranks = Ranks(0, 2, 0)
    with pytest.raises(ValueError, match=r"drawn from a model on one device; set training\.runtime\.devices=1"):
        learner.draw(model_ref, REQUESTS, HOW, 8)
