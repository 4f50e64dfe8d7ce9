from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerBase, Qwen2Config

from conself.minipy.tokenizer import SPECIAL_TOKENS, train_tokenizer

PROGRAM = "```python\ndef f(xs):\n    return [x + {n} for x in xs]\n```"
TEXTS = [PROGRAM.format(n=n) for n in range(10)] * 4 + ["Add 3 to every element."] * 20


@pytest.fixture(scope="module")
def trained() -> PreTrainedTokenizerBase:
    return train_tokenizer(TEXTS, vocab_size=340, max_length=64)


@pytest.fixture(scope="module")
def loaded(trained: PreTrainedTokenizerBase, tmp_path_factory: pytest.TempPathFactory) -> PreTrainedTokenizerBase:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    trained.save_pretrained(folder)
    Qwen2Config(architectures=["Qwen2ForCausalLM"]).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@given(st.text() | st.text(alphabet="ab1 \n\t\r.,:()[]'e\u0301\u00e9"))
def test_any_text_survives_a_round_trip(loaded: PreTrainedTokenizerBase, text: str) -> None:
    assert loaded.decode(loaded(text)["input_ids"]) == text


@given(st.text(alphabet="def f(xs):\n return12") | st.sampled_from(TEXTS))
def test_loading_beside_a_qwen2_config_keeps_the_tokens(
    trained: PreTrainedTokenizerBase, loaded: PreTrainedTokenizerBase, text: str
) -> None:
    # AutoTokenizer would put Qwen2's own pre-tokenizer in the place of ours, without a word
    assert loaded(text)["input_ids"] == trained(text)["input_ids"]


def test_lines_merge_and_digits_stand_alone(loaded: PreTrainedTokenizerBase) -> None:
    tokens = [loaded.decode([i]) for i in loaded(PROGRAM.format(n=47))["input_ids"]]
    assert tokens[:5] == ["```python", "\ndef f(xs):", "\n    return [x + ", "4", "7"]
    assert tokens[-1] == "\n```"


def test_words_do_not_merge_with_one_another_in_prose(loaded: PreTrainedTokenizerBase) -> None:
    tokens = [loaded.decode([i]) for i in loaded("Add 3 to every element.")["input_ids"]]
    assert tokens == ["Add", " ", "3", " to", " every", " element", "."]


def test_special_tokens_and_limits(loaded: PreTrainedTokenizerBase) -> None:
    assert loaded.convert_tokens_to_ids(list(SPECIAL_TOKENS)) == [0, 1, 2, 3, 4]
    assert (loaded.pad_token, loaded.eos_token, loaded.bos_token) == ("<|pad|>", "<|end|>", None)
    assert len(loaded) <= 340
    assert loaded.model_max_length == 64


def test_chat_template_by_hand(loaded: PreTrainedTokenizerBase) -> None:
    turns = [
        {"role": "system", "content": " short \n"},
        {"role": "user", "content": "Sort xs.\ndef f(xs):"},
        {"role": "assistant", "content": "```"},
    ]
    whole = "<|system|> short \n<|end|><|user|>Sort xs.\ndef f(xs):<|end|><|assistant|>```<|end|>"
    assert loaded.apply_chat_template(turns, tokenize=False) == whole
    asked = "<|user|>Sort xs.\ndef f(xs):<|end|><|assistant|>"
    assert loaded.apply_chat_template(turns[1:2], tokenize=False, add_generation_prompt=True) == asked
    ids = loaded.apply_chat_template(turns[1:2], add_generation_prompt=True, return_dict=False)
    assert (ids[0], ids[-2], ids[-1]) == (1, 4, 2)


def test_chat_template_refuses_an_unknown_role(loaded: PreTrainedTokenizerBase) -> None:
    with pytest.raises(Exception, match="unknown role tool"):
        loaded.apply_chat_template([{"role": "tool", "content": "x"}], tokenize=False)


def test_a_vocabulary_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="use at least 261"):
        train_tokenizer(TEXTS, vocab_size=260, max_length=64)
