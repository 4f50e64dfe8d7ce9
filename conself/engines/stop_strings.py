"""Strings that end a completion: detected while it is drawn, and cut off with everything after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conself.prompts.turns import decode_response

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

UNREADABLE = "\N{REPLACEMENT CHARACTER}"
"""The character to which tokenizers decode invalid bytes."""


@dataclass(frozen=True)
class StopStrings:
    """Finds the strings ``stop`` in decoded tokens."""

    tokenizer: PreTrainedTokenizerBase
    stop: tuple[str, ...]

    @property
    def window(self) -> int:
        """The number of last tokens that can contain any of the strings: each token is at least one byte of text."""
        return max((len(stop.encode()) for stop in self.stop), default=0)

    def end(self, token_ids: Sequence[int]) -> bool:
        """Return whether the last of these tokens ends the completion; the earlier ones did not."""
        if not self.stop:
            return False
        text = decode_response(self.tokenizer, token_ids[-self.window :])
        if UNREADABLE in text:  # the window may begin inside a character, which takes the bytes after it along
            text = decode_response(self.tokenizer, token_ids)
        return any(stop in text for stop in self.stop)


def text_of(token_ids: Sequence[int], stops: StopStrings, stop_ids: Sequence[int]) -> str:
    """Decode a completion, without the end-of-turn token among ``stop_ids`` or the stop string that ends it."""
    ids = list(token_ids)
    if ids and ids[-1] in stop_ids:
        ids.pop()
    return cut(decode_response(stops.tokenizer, ids), stops.stop)


def cut(text: str, stop: Sequence[str]) -> str:
    """Return ``text`` up to the first of the strings; all of it if it contains none."""
    return text[: min((place for each in stop if (place := text.find(each)) >= 0), default=len(text))]
