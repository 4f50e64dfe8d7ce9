"""A learner driven by a loop that knows its examples only when they are sampled: groups of rollouts under GRPO."""

import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel

from conself.losses.con_dpo import ConDPO
from conself.losses.grpo import GRPO
from conself.losses.sft import SFT
from conself.models.transformers import load_policy
from conself.records import ModelRef
from conself.training.data import Example, Response
from conself.training.device_learner import DeviceLearner
from conself.training.layouts.padded import DistinctLayout, Layout, PairsLayout
from conself.training.layouts.shared import SharedLayout
from conself.training.learner import Learner, open_learner
from conself.training.policy.tuning import Full, Policy
from conself.training.reference import computed
from conself.training.schedules import WarmupConstant
from conself.training.strategies.distributed import DDP, FSDP
from tests.training.rollouts import groups, near_policy
from tests.training.training_world import build, lora_policy, runtime, settings, tiny_qwen, token_pairs

SCHEDULE = WarmupConstant(2)
LOSS = GRPO(clip_low=0.2, clip_high=0.28, dual_clip=3.0, beta=0.05, mean_over="tokens")


def exact_model() -> PreTrainedModel:
    """GPT-2 in float64: nothing in it falls back to float32, as the norms of others do."""
    shape = {"vocab_size": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "initializer_range": 0.2}
    return build(GPT2LMHeadModel, GPT2Config(**shape, bos_token_id=1, eos_token_id=1)).double()


def exact_learner(layout: Layout, loss: GRPO) -> DeviceLearner:
    """All weights but the head train, which is the embedding as well; the reference is a model of its own."""
    model = exact_model().requires_grad_(True)
    policy = Policy(model, torch.float64, nullcontext, True, lambda *_: None)
    other = exact_model()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(1.01)
    fixed = Policy(other, torch.float64, nullcontext, True, lambda *_: None)
    layout.prepare(other, groups([2]))
    chosen = settings(layout, gradient_clip=None, learning_rate=1e-3)
    learner = DeviceLearner(policy, loss, chosen, SCHEDULE, None)
    learner.reference = computed(fixed, learner.sharing)
    return learner


def gradients(learner: DeviceLearner, examples: list[Example]) -> tuple[dict[str, float], dict[str, Tensor]]:
    row = learner.step(examples)
    named = learner.policy.model.named_parameters()
    return row, {name: p.grad.clone() for name, p in named if p.grad is not None}


def textbook(examples: list[Example], loss: GRPO) -> tuple[float, dict[str, Tensor]]:
    """The loss by whole sequences with all their logits, token by token; and its gradients."""
    model, other = exact_model(), exact_model()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(1.01)
    terms: list[Tensor] = []
    for example in examples:
        assert example.behaviour is not None
        for response, advantage, drawn in zip(example.responses, example.signal, example.behaviour, strict=True):
            ids, start = torch.tensor([[*response.prompt, *response.tokens]]), len(response.prompt) - 1
            own, its = (m(input_ids=ids).logits[0].log_softmax(-1) for m in (model, other))
            for t, (token, mu) in enumerate(zip(response.tokens, drawn, strict=True)):
                rho, d = (own[start + t, token] - mu).exp(), its[start + t, token].detach() - own[start + t, token]
                gain = torch.minimum(rho * advantage, rho.clamp(0.8, 1.28) * advantage)
                bounded = torch.clamp(gain, min=3 * advantage) if advantage < 0 else gain
                terms.append(-bounded + loss.beta * (d.exp() - d - 1))
    total = torch.stack(terms).mean()
    total.backward()
    return total.item(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


EXAMPLES = near_policy(groups([4, 3, 5, 1], seed=2), exact_model(), off=0.3)
LAYOUTS: dict[str, Callable[[int], Layout]] = {
    "pairs": PairsLayout,
    "distinct": DistinctLayout,
    "shared": lambda budget: SharedLayout(budget, flex_above=None),
}


@pytest.fixture(scope="module")
def exact() -> tuple[float, dict[str, Tensor]]:
    return textbook(EXAMPLES, LOSS)


@pytest.mark.parametrize("budget", [16, 40, 10_000])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_in_every_layout_loss_and_gradients_are_the_textbooks(
    layout: str, budget: int, exact: tuple[float, dict[str, Tensor]]
) -> None:
    """To 1e-12 of each gradient's size, in float64: a prompt that is computed once gives what one per rollout gives.

    16 tokens hold a single rollout: groups above the budget are cut, and the mean is still that over all tokens.
    """
    row, found = gradients(exact_learner(LAYOUTS[layout](budget), LOSS), EXAMPLES)
    total, expected = exact
    assert row["loss"] == pytest.approx(total, rel=1e-12)
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert torch.linalg.vector_norm(found[name] - gradient) <= 1e-12 * torch.linalg.vector_norm(gradient), name
    assert 0 < row["clipped"] < 1
    assert row["kl"] > 0


def test_a_prompt_is_computed_once_per_group() -> None:
    """Prompt 3, rollouts of 2, 3 and 4 tokens, whose last are only predicted: 3 + 1 + 2 + 3, and not 3 x 3 + 6."""
    prompt = (3, 4, 5)
    responses = tuple(Response(prompt, tuple(range(6, 6 + n))) for n in (2, 3, 4))
    group = Example("p", "p", responses, (1.0, 0.0, -1.0), None)
    assert SharedLayout(100, None).lay(group.apart()).n_tokens == 9
    assert DistinctLayout(100).lay(group.apart()).n_tokens == 15


def test_equal_rollouts_are_computed_once_and_count_each() -> None:
    """With the same advantage and behaviour, twice the tokens of the one: the mean, and its gradient, are the same."""
    (one,) = near_policy(groups([1], seed=4), exact_model(), off=0.1)
    assert one.behaviour is not None
    twice = Example(one.problem_id, one.name, one.responses * 2, one.signal * 2, one.behaviour * 2)
    layout = SharedLayout(1000, None)
    (row, once), (again, both) = (gradients(exact_learner(layout, LOSS), [example]) for example in (one, twice))
    assert len(layout.lay(twice.apart()).responses) == 1
    assert again["loss"] == pytest.approx(row["loss"], rel=1e-12)
    assert all(torch.allclose(both[name], gradient, rtol=1e-10, atol=1e-14) for name, gradient in once.items())


def sampled(step: int) -> list[Example]:
    """What a sampler would give for a step: groups that depend on its number alone."""
    return near_policy(groups([3, 2], seed=step), tiny_qwen(), off=0.1, seed=step)


def loop(learner: Learner, first: int, last: int) -> list[dict[str, float]]:
    return [learner.step(sampled(step)) for step in range(first, last)]


class KilledError(Exception):
    """What ends a loop."""


def documented_loop() -> Callable[..., list[dict[str, float]]]:
    """The loop that docs/learner.md shows."""
    page = (Path(__file__).parents[2] / "docs" / "learner.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # our own page
    learn: Callable[..., list[dict[str, float]]] = names["learn"]
    return learn


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_the_documented_loop_ends_with_the_same_bits_when_it_is_killed(
    tuning: str, model_ref: ModelRef, tmp_path: Path
) -> None:
    """Weights, moments and the place in the schedule come back. Step 1 has equal rewards only, and is left out."""
    full: dict[str, Any] = {"tuning": Full(), "export": "merged"} if tuning == "full" else {}
    chosen, loss = settings(**full), replace(LOSS, beta=0.0) if full else LOSS

    def run(folder: Path, killed_at: int | None = None) -> list[dict[str, float]]:
        def sample(step: int) -> list[tuple[object, ...]]:
            if step == killed_at:
                raise KilledError
            drawn = sampled(step)
            return [(e.problem_id, e.responses, e.behaviour, [float(step != 1) * v for v in e.signal]) for e in drawn]

        return documented_loop()(model_ref, "base", chosen, loss, 0, 6, sample, folder)

    whole = run(tmp_path / "whole")
    rates = [row.get("learning_rate") for row in whole]
    assert rates == [pytest.approx(5e-3 * f) if f else None for f in (0.25, None, 0.5, 0.75, 1, 1)]
    with pytest.raises(KilledError):
        run(tmp_path / "killed", killed_at=3)
    assert run(tmp_path / "killed") == whole
    trained = [sorted((tmp_path / name / chosen.tuning.folder).glob("*.safetensors")) for name in ("whole", "killed")]
    (first, second) = ([path.read_bytes() for path in paths] for paths in trained)
    assert len(first) == 1
    assert first == second


def test_rollouts_with_a_positive_advantage_become_likelier(model_ref: ModelRef, tmp_path: Path) -> None:
    prompt = (10, 5, 6)
    good, bad = Response(prompt, (20, 1)), Response(prompt, (30, 1))

    def log_prob(model: PreTrainedModel, response: Response) -> float:
        with torch.no_grad():
            logits = model(input_ids=torch.tensor([[*prompt]])).logits[0, -1]
        return float(logits.log_softmax(-1)[response.tokens[0]])

    group = near_policy([Example("p", "p", (good, bad), (1.0, -1.0), None)], tiny_qwen(), off=0.0)
    with open_learner(model_ref, settings(), LOSS, 0, SCHEDULE, group, None) as learner:
        first = learner.step(group)
        for _ in range(9):
            learner.step(group)
        learner.save(tmp_path / "adapter")
    assert first["ratio"] == pytest.approx(1.0, abs=1e-4), "on policy"
    assert first["behaviour_kl"] == pytest.approx(0.0, abs=1e-6)
    tuned = load_policy(replace(model_ref, adapter=str(tmp_path / "adapter")), "cpu")
    assert log_prob(tuned, good) > log_prob(tiny_qwen(), good)
    assert log_prob(tuned, bad) < log_prob(tiny_qwen(), bad)


@pytest.mark.slow
def test_two_devices_and_a_process_of_its_own_take_the_same_steps(
    model_ref: ModelRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop stands here, the model there: on one device apart the same bits, on two the same up to rounding."""
    rows = []
    for devices, large, strategy in ((1, False, DDP()), (1, True, DDP()), (2, False, DDP()), (2, False, FSDP())):
        monkeypatch.setattr("conself.training.memory.LARGE", 0 if large else 1e9)
        chosen = settings(runtime=runtime(SharedLayout(24, None), devices=devices, strategy=strategy))
        with open_learner(model_ref, chosen, LOSS, 0, SCHEDULE, sampled(0), None) as learner:
            rows.append(loop(learner, 0, 3))
    assert rows[0] == rows[1]
    for step in range(3):
        for shared in rows[2:]:
            assert shared[step] == pytest.approx(rows[0][step], rel=1e-4, abs=1e-6)


def test_what_cannot_be_a_step_is_said(model_ref: ModelRef) -> None:
    with open_learner(model_ref, settings(SharedLayout(40, None)), LOSS, 0, SCHEDULE, sampled(0), None) as learner:
        with pytest.raises(ValueError, match="there is nothing to learn from in this step; leave it out"):
            learner.step([])
        with pytest.raises(ValueError, match="GRPO needs the log-probs with which responses were drawn"):
            learner.step(token_pairs([1]))
        long = Response((3,), tuple(range(3, 60)))
        with pytest.raises(ValueError, match=r"a response of problem 'p' takes 57 tokens, above token_budget 40"):
            learner.step([Example("p", "p", (long,), (1.0,), ((-1.0,) * 57,))])


def test_a_learner_wants_something_to_try_out(model_ref: ModelRef) -> None:
    with (
        pytest.raises(ValueError, match="a learner is opened with examples to try out, got none"),
        open_learner(model_ref, settings(), LOSS, 0, SCHEDULE, [], None),
    ):
        pass


def test_without_a_model_that_stays_new_responses_have_no_reference(model_ref: ModelRef) -> None:
    chosen = settings(tuning=Full(), export="merged")
    with (
        pytest.raises(ValueError, match=r"nothing is left to be the reference of new responses; choose training=lora"),
        open_learner(model_ref, chosen, LOSS, 0, SCHEDULE, sampled(0), None),
    ):
        pass


def test_a_loss_of_pairs_takes_them_whole_and_others_take_each_response() -> None:
    policy = lora_policy(tiny_qwen())
    assert DeviceLearner(policy, SFT(), settings(), SCHEDULE, None).step([p.apart()[0] for p in token_pairs([2])])
    with pytest.raises(ValueError, match="a preference loss needs reference log-probs"):
        DeviceLearner(policy, ConDPO(0.1), settings(), SCHEDULE, None).step(token_pairs([2]))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"signal": (1.0,)}, "has 2 responses and a signal of 1; give at least one response, and a number for each"),
        ({"responses": ()}, "has 0 responses and a signal of 2"),
        ({"behaviour": ((-1.0,), (-1.0,))}, r"responses of \[2, 1\] tokens and behaviour log-probs of \[1, 1\]"),
        ({"responses": (Response((3,), (4, 1)), Response((5,), (1,)))}, "responses to different prompts"),
    ],
)
def test_an_example_that_does_not_fit_together_is_refused(changes: dict[str, Any], words: str) -> None:
    whole = Example("p", "p/0", (Response((3,), (4, 1)), Response((3,), (1,))), (1.0, -1.0), None)
    with pytest.raises(ValueError, match=words):
        replace(whole, **changes)
