from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax
from scipy.stats import chisquare
from transformers import PreTrainedModel, Qwen2Config

from conself.engines.decoding import Decoding
from conself.engines.transformers.attention import grouped_attention
from conself.engines.transformers.generation import Generator
from conself.engines.transformers.ledger import Completion, Request
from conself.engines.transformers.prompts import shared_length
from tests.engines.tiny_models import SHAPE, build, generate

STOPS = (0, 7, 8, 9)
SAMPLED = Decoding(temperature=1.0, top_p=1.0, max_new_tokens=40, entropy_top_k=15)
NUCLEUS = Decoding(temperature=0.7, top_p=0.8, max_new_tokens=40, entropy_top_k=15)
GREEDY = Decoding(temperature=0.0, top_p=1.0, max_new_tokens=30, entropy_top_k=15)


def prompts(count: int, seed: int = 0) -> list[tuple[int, ...]]:
    rng = np.random.default_rng(seed)
    return [tuple(int(t) for t in rng.integers(10, 260, rng.integers(1, 45))) for _ in range(count)]


def requests(count: int, each: int, seed: int = 0) -> list[Request]:
    return [Request(p, tuple(1000 * i + k for k in range(each))) for i, p in enumerate(prompts(count, seed))]


def same(left: Completion, right: Completion) -> bool:
    """The same tokens; their figures up to rounding, which some processors' kernels vary with the batch's shape."""
    return (
        left.finish_reason == right.finish_reason
        and np.array_equal(left.token_ids, right.token_ids)
        and np.allclose(left.token_logprobs, right.token_logprobs, atol=1e-5)
        and np.allclose(left.token_entropies, right.token_entropies, atol=1e-5)
    )


def test_greedy_equals_generate_one_by_one(model: PreTrainedModel) -> None:
    wanted = [Request(p, (0,)) for p in prompts(12)]
    ours = generate(model, wanted, GREEDY, STOPS, batch_size=5)
    for request, (completion,) in zip(wanted, ours, strict=True):
        ids = torch.tensor([request.prompt_ids])
        theirs = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=30,
            eos_token_id=list(STOPS),
            pad_token_id=0,
        )
        assert completion.token_ids.tolist() == theirs[0, len(request.prompt_ids) :].tolist()


@pytest.mark.parametrize("drawn", [SAMPLED, NUCLEUS])
def test_logprobs_and_entropies_equal_a_teacher_forced_pass(model: PreTrainedModel, drawn: Decoding) -> None:
    wanted = requests(6, 3)
    for request, group in zip(wanted, generate(model, wanted, drawn, STOPS, batch_size=8), strict=True):
        for completion in group:
            ids = [*request.prompt_ids, *completion.token_ids.tolist()]
            with torch.inference_mode():
                logits = model(torch.tensor([ids])).logits[0, len(request.prompt_ids) - 1 : -1].double().numpy()
            scores = log_softmax(logits, axis=-1)
            chosen = scores[np.arange(len(scores)), completion.token_ids]
            np.testing.assert_allclose(completion.token_logprobs, chosen, atol=1e-4)
            top = np.exp(np.sort(scores, axis=-1)[:, -15:])
            top /= top.sum(-1, keepdims=True)
            np.testing.assert_allclose(completion.token_entropies, -(top * np.log(top)).sum(-1), atol=1e-4)


def test_a_sample_is_the_same_in_any_batch(model: PreTrainedModel) -> None:
    wanted = requests(10, 4)
    expected = generate(model, wanted, SAMPLED, STOPS, batch_size=64)
    assert {c.finish_reason for group in expected for c in group} == {"stop", "length"}
    for batch_size in (1, 3, 7, 16, 40):
        got = generate(model, wanted, SAMPLED, STOPS, batch_size)
        assert all(same(a, b) for x, y in zip(expected, got, strict=True) for a, b in zip(x, y, strict=True))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_alone_in_any_company_and_order(qwen: PreTrainedModel, data: st.DataObject) -> None:
    single = [Request(request.prompt_ids, (seed,)) for request in requests(5, 3, seed=1) for seed in request.seeds]
    company = data.draw(st.lists(st.sampled_from(range(len(single))), min_size=1, max_size=12, unique=True))
    batch_size = data.draw(st.integers(1, 16))
    together = generate(qwen, [single[i] for i in company], NUCLEUS, STOPS, batch_size)
    index = data.draw(st.sampled_from(range(len(company))))
    (alone,) = generate(qwen, [single[company[index]]], NUCLEUS, STOPS, 1)
    assert same(together[index][0], alone[0])


def test_samples_of_one_prompt_equal_separate_requests(model: PreTrainedModel) -> None:
    (prompt,) = prompts(1, seed=3)
    (together,) = generate(model, [Request(prompt, (1, 2, 3, 4, 5))], SAMPLED, STOPS, 32)
    apart = generate(model, [Request(prompt, (seed,)) for seed in (1, 2, 3, 4, 5)], SAMPLED, STOPS, 32)
    assert all(same(a, b) for a, (b,) in zip(together, apart, strict=True))
    assert len({c.token_ids.tobytes() for c in together}) > 1


def test_first_tokens_follow_the_models_distribution(qwen: PreTrainedModel) -> None:
    prompt = tuple(range(20, 40))
    count = 4000
    (group,) = generate(qwen, [Request(prompt, tuple(range(count)))], Decoding(1.0, 1.0, 1, 15), STOPS, 512)
    with torch.inference_mode():
        expected = qwen(torch.tensor([prompt])).logits[0, -1].double().softmax(-1).numpy() * count
    counts = np.bincount([int(c.token_ids[0]) for c in group], minlength=260)
    common = expected >= 5
    observed = np.append(counts[common], counts[~common].sum())
    assert chisquare(observed, np.append(expected[common], expected[~common].sum())).pvalue > 1e-3


def test_nucleus_support(qwen: PreTrainedModel) -> None:
    prompt = tuple(range(20, 40))
    drawn = Decoding(0.7, 0.8, 1, 15)
    (group,) = generate(qwen, [Request(prompt, tuple(range(2000)))], drawn, STOPS, 512)
    with torch.inference_mode():
        tempered = (qwen(torch.tensor([prompt])).logits[0, -1].double() / 0.7).softmax(-1).numpy()
    order = np.argsort(-tempered)
    size = int(np.searchsorted(np.cumsum(tempered[order]), 0.8)) + 1
    assert {int(c.token_ids[0]) for c in group} == set(order[:size].tolist())


def test_finish_reasons(qwen: PreTrainedModel) -> None:
    wanted = requests(8, 4)
    groups = generate(qwen, wanted, Decoding(1.0, 1.0, 6, 15), STOPS, 16)
    completions = [c for group in groups for c in group]
    assert {c.finish_reason for c in completions} == {"stop", "length"}
    for completion in completions:
        ends = np.isin(completion.token_ids, STOPS)
        assert not ends[:-1].any()
        assert ends[-1] == (completion.finish_reason == "stop")
        assert len(completion.token_ids) == 6 or completion.finish_reason == "stop"
        lengths = {len(completion.token_ids), len(completion.token_logprobs), len(completion.token_entropies)}
        assert len(lengths) == 1
        assert completion.token_logprobs.dtype == completion.token_entropies.dtype == np.float32


def test_the_context_length_is_never_passed(qwen: PreTrainedModel) -> None:
    context = SHAPE["max_position_embeddings"]
    wanted = [Request((20,) * (context - 3), (1,)), Request((20,) * context, (1,)), Request((21,) * 4, (1,))]
    near, full, short = (group[0] for group in generate(qwen, wanted, SAMPLED, (), 4))
    assert (len(near.token_ids), near.finish_reason) == (3, "length")
    assert (len(full.token_ids), full.finish_reason) == (0, "length")
    assert len(short.token_ids) == 40


def test_no_requests_and_requests_without_samples(qwen: PreTrainedModel) -> None:
    assert generate(qwen, [], SAMPLED, STOPS, 4) == []
    assert generate(qwen, [Request((20,), ())], SAMPLED, STOPS, 4) == [[]]


def test_the_model_is_left_as_it_was(qwen: PreTrainedModel) -> None:
    generate(qwen, requests(2, 2), SAMPLED, STOPS, 4)
    assert qwen.config._attn_implementation == "sdpa"


def test_bad_requests_and_models_are_refused(qwen: PreTrainedModel) -> None:
    with pytest.raises(ValueError, match="batch_size"):
        generate(qwen, requests(1, 1), SAMPLED, STOPS, 0)
    with pytest.raises(ValueError, match="prompt"):
        generate(qwen, [Request((), (1,))], SAMPLED, STOPS, 4)
    sliding = build(Qwen2Config(**SHAPE, use_sliding_window=True, sliding_window=16, max_window_layers=0))
    with pytest.raises(ValueError, match="window"):
        generate(sliding, requests(1, 1), SAMPLED, STOPS, 4)


def test_requests_of_any_settings_that_come_while_others_run_get_what_they_get_alone(model: PreTrainedModel) -> None:
    """Sampled, nucleus and greedy ones of several lengths, one more every third step."""
    kinds = (replace(SAMPLED, max_new_tokens=9), NUCLEUS, replace(GREEDY, max_new_tokens=55), SAMPLED)
    wanted = [(request, kinds[place % 4]) for place, request in enumerate(requests(10, 2, seed=4))]
    found: list[dict[int, Completion]] = [{} for _ in wanted]
    generator = Generator(model, STOPS, 8)
    with grouped_attention(model):
        for (request, drawn), completions in zip(wanted, found, strict=True):
            generator.add(request, drawn, None, completions.__setitem__)
            for _ in range(3):
                generator.step()
        assert generator.live > 0
        while generator.live:
            generator.step()
    for (request, drawn), completions in zip(wanted, found, strict=True):
        (alone,) = generate(model, [request], drawn, STOPS, 8)
        assert same(completions[0], alone[0])
        assert same(completions[1], alone[1])


def test_who_comes_first_is_a_matter_of_turns_and_then_of_time(qwen: PreTrainedModel) -> None:
    generator = Generator(qwen, (), 1)
    ended: list[str] = []
    full = (20,) * SHAPE["max_position_embeddings"]
    with grouped_attention(qwen):
        for name, turn in (("late", 7), ("first", 2), ("second", 2), ("later", 9)):
            deliver = partial(lambda name, place, _: ended.append(f"{name}{place}"), name)
            generator.add(Request((20, 21), (1, 2)), replace(SAMPLED, max_new_tokens=2), None, deliver, turn)
        generator.add(Request(full, (1,)), SAMPLED, None, lambda *_: ended.append("no room"), 0)
        generator.add(Request((20,), ()), SAMPLED, None, lambda *_: ended.append("never"), 0)
        while generator.live:
            generator.step()
    assert ended == ["no room", *(f"{name}{k}" for name in ("first", "second", "late", "later") for k in (0, 1))]


def test_what_is_dropped_leaves_all_rows_to_others(qwen: PreTrainedModel) -> None:
    generator = Generator(qwen, STOPS, 4)
    dropped: dict[int, Completion] = {}
    kept: dict[int, Completion] = {}
    with grouped_attention(qwen):
        generator.add(Request((20,) * 9, tuple(range(20))), SAMPLED, None, dropped.__setitem__)
        generator.step()
        generator.clear()
        assert generator.live == 0
        (request,) = requests(1, 4)
        generator.add(request, SAMPLED, None, kept.__setitem__)
        while generator.live:
            generator.step()
    (alone,) = generate(qwen, [request], SAMPLED, STOPS, 4)
    assert all(same(kept[place], completion) for place, completion in enumerate(alone))
    assert len(dropped) < 4


def sharing(count: int, each: int, shared: int) -> list[Request]:
    """Prompts that open with the same ``shared`` tokens and go on differently."""
    opening = tuple(range(60, 60 + shared))
    return [Request(opening + r.prompt_ids, r.seeds, shared) for r in requests(count, each, seed=2)]


def test_what_prompts_share_is_read_once_and_changes_no_draw(model: PreTrainedModel) -> None:
    apart = [*sharing(3, 3, 64), *sharing(2, 2, 80), *requests(2, 2)]
    together = [Request(request.prompt_ids, request.seeds) for request in apart]
    expected = generate(model, together, SAMPLED, STOPS, 64)
    for batch_size in (64, 5):
        got = generate(model, apart, SAMPLED, STOPS, batch_size)
        assert all(same(a, b) for x, y in zip(expected, got, strict=True) for a, b in zip(x, y, strict=True))


def test_nothing_depends_on_who_shares(qwen: PreTrainedModel) -> None:
    wanted = sharing(4, 2, 64)
    together = generate(qwen, wanted, NUCLEUS, STOPS, 16)
    for request, group in zip(wanted, together, strict=True):
        (alone,) = generate(qwen, [request], NUCLEUS, STOPS, 16)
        for a, b in zip(alone, group, strict=True):
            assert np.array_equal(a.token_ids, b.token_ids)
            np.testing.assert_array_equal(a.token_logprobs, b.token_logprobs)


def test_a_shared_opening_is_read_in_one_row(qwen: PreTrainedModel) -> None:
    read_tokens = []
    handle = qwen.model.register_forward_pre_hook(
        lambda _module, _args, kwargs: read_tokens.append(kwargs["input_ids"].shape), with_kwargs=True
    )
    try:
        generate(qwen, sharing(4, 1, 64), Decoding(1.0, 1.0, 1, 15), STOPS, 16)
    finally:
        handle.remove()
    opening, tails, step = read_tokens
    assert opening == (1, 64)
    assert tails == (4, 48)  # the longest of up to 44 tokens, and the least multiple of 16
    assert step[1] == 1


def test_a_shared_opening_up_to_the_context_length(qwen: PreTrainedModel) -> None:
    context = SHAPE["max_position_embeddings"]
    opening = (20,) * 128
    wanted = [Request(opening + (21,) * (context - 130), (1,), 128), Request((*opening, 22), (1,), 128)]
    near, short = (group[0] for group in generate(qwen, wanted, SAMPLED, (), 4))
    assert len(near.token_ids) == 2
    plain = generate(qwen, [Request(wanted[1].prompt_ids, (1,))], SAMPLED, (), 4)[0][0]
    assert same(short, plain)


@pytest.mark.parametrize(
    ("prompts", "length"),
    [
        ([range(100)], 0),  # nobody to share with
        ([range(100), [*range(90), 5, 6]], 80),  # 90 in common, down to a multiple of 16
        ([range(100), range(100)], 96),
        ([range(97), range(97)], 96),  # the last token is never read with the prompt
        ([range(96), range(96)], 80),
        ([range(100), range(70)], 64),
        ([range(100), range(64)], 0),  # 63 in common: not worth a pass of its own
        ([range(100), range(1, 101)], 0),
    ],
)
def test_what_is_worth_sharing(prompts: list[Sequence[int]], length: int) -> None:
    assert shared_length(prompts) == length
