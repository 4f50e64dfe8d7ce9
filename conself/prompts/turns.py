"""Assistant turns as tokens: their end, and conversion between text and ids.

The chat template determines the prompt. Sampling and training must agree on the rest: sampling stops at the end of turn
that is trained, and a response is tokenised as the model wrote it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_PROBE = "conself"
_ANCHORS = ("\n", ".", "]")


def end_of_turn_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the token that ends an assistant's turn in the chat template, or else the tokenizer's end of text.

    The two differ if a chat template was added to a base model's tokenizer.

    Raises:
        ValueError: neither exists.
    """
    end_token = _templated_end(tokenizer)
    end = tokenizer.eos_token_id if end_token is None else end_token
    if not isinstance(end, int):
        raise ValueError(f"the tokenizer of {tokenizer.name_or_path!r} names no end of text; set its eos_token")
    return end


def _templated_end(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the first special token after an assistant's answer, if only white space lies between."""
    if tokenizer.chat_template is None:
        return None
    turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": _PROBE}]
    try:
        text = str(tokenizer.apply_chat_template(turns, tokenize=False))
    except Exception:  # a template that takes no finished answer says nothing of its end
        return None
    _, answered, rest = text.rpartition(_PROBE)
    rest = rest.lstrip()
    specials = {token.content: index for index, token in tokenizer.added_tokens_decoder.items() if token.special}
    matches = [content for content in specials if rest.startswith(content)]
    return specials[max(matches, key=len)] if answered and matches else None


def encode_prompt(tokenizer: PreTrainedTokenizerBase, prompt: str) -> list[int]:
    """Tokenise a rendered prompt. Nothing is added: the chat template wrote the special tokens (no second BOS)."""
    # verbose: a prompt longer than the model's context is the sampler's affair, no reason for a warning
    return list(tokenizer(prompt, add_special_tokens=False, verbose=False)["input_ids"])


def encode_responses(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    """Tokenise each response as it follows a prompt, without its end of turn.

    Special tokens that a text spells out (``<s>`` is strike-through in HTML) stay text: decoding removed the real ones.
    The space that some tokenizers (SentencePiece) put before every text is not added.
    """
    if not _opens_with_space(tokenizer):
        return _spelled(tokenizer, texts)
    return [_following(tokenizer, text) for text in texts]


def _following(tokenizer: PreTrainedTokenizerBase, text: str) -> list[int]:
    """Tokenise ``text`` after something that it does not merge with."""
    for anchor in _ANCHORS:
        before, both = _spelled(tokenizer, [anchor, anchor + text])
        if both[: len(before)] == before:
            return both[len(before) :]
    (alone,) = _spelled(tokenizer, [text])
    return alone


def decode_response(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    """Decode a response that follows a prompt, without special tokens; the inverse of :func:`encode_responses`.

    SentencePiece tokenizers drop the first space when decoding; it is kept here, because it is part of a turn.
    """
    if not _opens_with_space(tokenizer):
        return _decoded(tokenizer, ids)
    (anchor,) = _spelled(tokenizer, _ANCHORS[:1])
    return _decoded(tokenizer, [*anchor, *ids]).removeprefix(_decoded(tokenizer, anchor))


def _spelled(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> list[list[int]]:
    if not texts:
        return []
    rows: list[list[int]] = tokenizer(list(texts), add_special_tokens=False, split_special_tokens=True)["input_ids"]
    return rows


def _decoded(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> str:
    return str(tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))


@lru_cache(maxsize=8)
def _opens_with_space(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Return whether the tokenizer puts a space before a text that stands alone."""
    first, second = _spelled(tokenizer, [_ANCHORS[0], _PROBE])
    return bool(first) and _decoded(tokenizer, [*first, *second]).endswith(_ANCHORS[0] + " " + _PROBE)
