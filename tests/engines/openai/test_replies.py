"""Reading chat completions: figures worked by hand, and whatever else a server may send."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.engines.openai.replies import replies, uncertainty

TOKEN = {"token": "x", "logprob": -0.25, "top_logprobs": [{"logprob": -0.25}, {"logprob": -2.0}]}


def body(**changes: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"content": "hi"}, "finish_reason": "stop", "logprobs": {"content": [TOKEN]}}
    return {"choices": [{**choice, **changes}], "usage": {"completion_tokens": 3}}


def test_nll_and_entropy_by_hand() -> None:
    # three alternatives of probability 1/2, 1/4 and 1/4: 1.5 ln 2, also when they do not sum to one
    tops = [{"logprob": math.log(p) - 3} for p in (0.25, 0.5, 0.25)]
    nll, entropy = uncertainty(
        [{"logprob": -1.0, "top_logprobs": tops}, {"logprob": -4.0, "top_logprobs": tops[:1]}], 3
    )
    assert nll == pytest.approx(2.5)
    assert entropy == pytest.approx(1.5 * math.log(2) / 2)


@pytest.mark.parametrize("unknown", [-9999.0, -math.inf, math.inf, math.nan])
def test_a_log_probability_that_is_not_known_leaves_the_figure_out(unknown: float) -> None:
    assert uncertainty([TOKEN, {**TOKEN, "logprob": unknown}], 2)[0] is None
    assert uncertainty([{**TOKEN, "top_logprobs": []}], 2)[1] is None


def test_alternatives_of_no_probability_add_nothing() -> None:
    tops = [{"logprob": -1.0}, {"logprob": -9999.0}, {"logprob": -math.inf}]
    assert uncertainty([{**TOKEN, "top_logprobs": tops}], 3)[1] == 0.0


def test_of_more_alternatives_the_likeliest_count() -> None:
    # a server lists the drawn token first, whatever its place: of 1/8, 1/2, 1/2 the two halves
    tops = [{"logprob": math.log(p)} for p in (1 / 8, 1 / 2, 1 / 2)]
    assert uncertainty([{"logprob": math.log(1 / 8), "top_logprobs": tops}], 2)[1] == pytest.approx(math.log(2))


def test_choices_come_in_the_order_of_their_index() -> None:
    choices = [{"index": i, "message": {"content": str(i)}} for i in (2, 0, 1)]
    found = replies(json.dumps({"choices": choices, "usage": {"completion_tokens": 5}}), 2)
    assert [(r.text, r.n_tokens, r.finish_reason) for r in found] == [
        ("0", 2, "unknown"),
        ("1", 2, "unknown"),
        ("2", 1, "unknown"),
    ]


def test_tokens_are_counted_where_they_are_listed() -> None:
    (reply,) = replies(json.dumps(body()), 2)
    assert (reply.n_tokens, reply.mean_nll) == (1, 0.25)
    (reply,) = replies(json.dumps(body(logprobs=None)), 2)
    assert (reply.n_tokens, reply.mean_nll) == (3, None)


def test_a_text_completion_is_read_as_a_chat_is() -> None:
    """Of -ln 1/2 and -ln 1/8 the mean is 2 ln 2; the alternatives of each token are alike, so their entropy is ln 2."""
    half, eighth = math.log(1 / 2), math.log(1 / 8)
    known = {
        "tokens": ["a", "b"],
        "token_logprobs": [half, eighth],
        "top_logprobs": [{"a": half, "c": half}, {"b": eighth, "c": eighth}],
    }
    choice = {"index": 0, "text": "ab", "finish_reason": "stop", "logprobs": known}
    (reply,) = replies(json.dumps({"choices": [choice]}), 2)
    assert (reply.text, reply.finish_reason, reply.n_tokens) == ("ab", "stop", 2)
    assert reply.mean_nll == pytest.approx(2 * math.log(2))
    assert reply.mean_token_entropy == pytest.approx(math.log(2))
    (reply,) = replies(json.dumps({"choices": [{**choice, "logprobs": {**known, "top_logprobs": None}}]}), 2)
    assert (reply.mean_nll is None, reply.mean_token_entropy) == (False, None)


def test_half_an_emoji_becomes_text_that_can_be_stored() -> None:
    (reply,) = replies(json.dumps(body(message={"content": "a\ud83d"})), 2)
    assert reply.text == "a?"


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3))
KEYS = st.sampled_from(["index", "message", "text", "finish_reason", "logprobs"])


def accepted(text: str) -> None:
    try:
        found = replies(text, 2)
    except ValueError:
        return
    for reply in found:
        reply.text.encode()
        reply.finish_reason.encode()
        assert all(figure is None or math.isfinite(figure) for figure in (reply.mean_nll, reply.mean_token_entropy))


@given(st.dictionaries(KEYS, VALUES), VALUES)
def test_any_json_is_a_completion_or_a_value_error(changes: dict[str, Any], usage: Any) -> None:
    accepted(json.dumps({**body(**changes), "usage": usage}))
    accepted(json.dumps({"choices": usage}))
    accepted(json.dumps(body(message={"content": usage})))
    accepted(json.dumps(body(logprobs={"content": usage})))
    accepted(json.dumps(body(logprobs={"content": [{"logprob": usage, "top_logprobs": usage}]})))


@given(st.text())
def test_any_text_is_a_completion_or_a_value_error(text: str) -> None:
    accepted(text)


def test_deep_json_is_a_value_error() -> None:
    accepted("[" * 200_000)
