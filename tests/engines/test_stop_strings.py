"""Strings that end a completion: what they should do can be read off a run without them, at the same seeds."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from conself.engines.decoding import Decoding
from conself.engines.engine import Ask
from conself.engines.stop_strings import StopStrings, cut
from conself.engines.transformers.engine import Runtime
from conself.engines.transformers.ledger import Request
from conself.engines.transformers.machine import complete_chats
from conself.models.transformers import load_policy, load_tokenizer
from conself.prompts.turns import encode_prompt, encode_responses
from conself.records import ModelRef
from tests.engines.tiny_models import byte_tokenizer, generate
from tests.models.families import CODELLAMA, DEEPSEEK
from tests.models.test_families import tokenizer_of

FREE = Decoding(temperature=1.0, top_p=1.0, max_new_tokens=40, entropy_top_k=15)
TOKENIZER = byte_tokenizer()


def test_completions_end_with_the_token_that_completes_a_string(model_ref: ModelRef) -> None:
    """Against the whole text, decoded anew after each token; in any batch."""
    model, tokenizer = load_policy(model_ref, "cpu"), load_tokenizer(model_ref)
    wanted = [Request(tuple(encode_prompt(tokenizer, f"<|user|>{text}")), tuple(range(8))) for text in ("a", "bcd")]
    free = [c.token_ids.tolist() for group in generate(model, wanted, FREE, (0,), 16) for c in group]
    texts = [tokenizer.decode(ids, skip_special_tokens=True) for ids in free]
    letters = [a + b for text in texts for a, b in pairwise(text) if (a + b).isascii() and (a + b).isprintable()]
    stop = (letters[0], letters[len(letters) // 2], "never said, and long")
    stops = StopStrings(tokenizer, stop)
    runs = [generate(model, wanted, FREE, (0,), batch, stops) for batch in (16, 3)]
    ended = 0
    for place, ids in enumerate(free):
        said = (n for n in range(1, len(ids) + 1) if any(s in tokenizer.decode(ids[:n]) for s in stop))
        length = next(said, len(ids))
        for run in runs:
            completion = [c for group in run for c in group][place]
            assert completion.token_ids.tolist() == ids[:length]
            assert completion.finish_reason == ("stop" if length < len(ids) or ids[-1] == 0 else "length")
        ended += length < len(ids)
    assert 2 <= ended < len(free)


def test_the_text_is_cut_where_the_string_begins_and_its_tokens_count(model_ref: ModelRef) -> None:
    asks = [Ask([{"role": "user", "content": "add"}], tuple(range(12)))]
    runtime = Runtime(16, "cpu", 1, 1, 1)
    (free,) = complete_chats(model_ref, runtime, asks, FREE)
    stop = next(a + b for reply in free for a, b in pairwise(reply.text[4:]) if (a + b).isascii())
    (stopped,) = complete_chats(model_ref, runtime, asks, replace(FREE, stop=(stop,)))
    ended = 0
    for before, after in zip(free, stopped, strict=True):
        assert after.text == before.text.partition(stop)[0]
        ended += stop in before.text
        if stop in before.text:
            assert after.finish_reason == "stop"
            assert after.n_tokens <= before.n_tokens
            assert after.n_tokens >= len(after.text) + len(stop), "a token is a byte here"
        else:
            assert after == before
    assert ended > 0


@given(
    st.text(alphabet="ab#\n é漢", max_size=12),
    st.lists(st.text(alphabet="ab#\n é", min_size=1, max_size=4), max_size=3),
)
@example("éé#", ["#", "aaaa"])
def test_the_last_tokens_tell_as_much_as_the_whole_text(text: str, stop: list[str]) -> None:
    for tokenizer in (TOKENIZER, tokenizer_of(CODELLAMA), tokenizer_of(DEEPSEEK)):
        (ids,) = encode_responses(tokenizer, [text])
        stops = StopStrings(tokenizer, tuple(stop))
        ends = [stops.end(ids[:n]) for n in range(1, len(ids) + 1)]
        assert any(ends) == any(each in text for each in stop)


def test_text_is_cut_at_the_first_of_the_strings() -> None:
    assert cut("one\n# two\n## three", ("## ", "\n# ")) == "one"
    assert cut("one", ("two",)) == cut("one", ()) == "one"


def test_an_empty_string_is_refused() -> None:
    with pytest.raises(ValueError, match="stop string must not be empty"):
        replace(FREE, stop=("",))
