"""The embedded models' training data: examples as rendered turns, encoded, in batches of similar lengths."""

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from conself.minipy.corpus import Example
from conself.prompts.prompts import Message, PromptStyle, observation_messages, program_messages, render

_POOL = 4096  # examples sorted by length together: batches stay mixed, and padding is a few per cent


@dataclass(frozen=True, slots=True)
class Row:
    """One encoded example: prompt ids, then completion ids and the end-of-turn id, from ``n_prompt`` on."""

    ids: tuple[int, ...]
    n_prompt: int
    is_program: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """Right-padded examples. ``ids`` [B, T] int64; the others [B, T - 1], aligned with the predictions of ids[:, 1:].

    ``in_text`` is true if the predicted token is not padding, ``in_completion`` if it is in the completion, and
    ``in_program`` if that completion is a program.
    """

    ids: Tensor
    in_text: Tensor
    in_completion: Tensor
    in_program: Tensor


def seed_of(seed: int, use: str) -> int:
    """Derive a 63-bit seed for one use of randomness, from SHA-256 of (seed, use)."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{use}".encode()).digest()[:8], "big") >> 1


@dataclass(frozen=True, slots=True)
class Exchange:
    """A chat and the completion that answers it; ``is_program`` says whether the completion is a program."""

    messages: list[Message]
    completion: str
    is_program: bool


def messages_of(example: Example, prompts: PromptStyle) -> list[Message]:
    """Build the chat messages that ``example.completion`` answers, the same as in sampling."""
    if example.kind == "observations":
        return observation_messages(prompts, example.problem, n=len(example.completion.splitlines()))
    return program_messages(prompts, example.problem, example.observation)


def texts(examples: Iterable[Example], prompts: PromptStyle) -> Iterator[str]:
    """Yield all turn contents, for training the tokenizer."""
    for example in examples:
        yield from (message["content"] for message in messages_of(example, prompts))
        yield example.completion


def exchange_of(example: Example, prompts: PromptStyle) -> Exchange:
    """Convert an example of the corpus."""
    return Exchange(messages_of(example, prompts), example.completion, example.kind != "observations")


def encode(exchanges: Sequence[Exchange], tokenizer: PreTrainedTokenizerBase) -> list[Row]:
    """Encode rows in the exchanges' order.

    Prompt and completion are encoded separately, as in sampling, where the prompt's tokens are fixed.

    Raises:
        ValueError: an example is longer than the model's limit.
    """
    heads = tokenizer([render(tokenizer, exchange.messages) for exchange in exchanges])["input_ids"]
    tails = tokenizer([exchange.completion + str(tokenizer.eos_token) for exchange in exchanges])["input_ids"]
    rows = [
        Row(ids=(*head, *tail), n_prompt=len(head), is_program=exchange.is_program)
        for head, tail, exchange in zip(heads, tails, exchanges, strict=True)
    ]
    longest = max((len(row.ids) for row in rows), default=0)
    if longest > tokenizer.model_max_length:
        raise ValueError(
            f"an example has {longest} tokens, the model reads {tokenizer.model_max_length}; raise max_length"
        )
    return rows


def batches(rows: Sequence[Row], max_tokens: int, pad_id: int, seed: int) -> list[Batch]:
    """Arrange one epoch in random order: every row once, in batches of at most ``max_tokens`` tokens, with padding.

    A row longer than ``max_tokens`` is a separate batch.
    """
    rng = random.Random(seed)
    order = rng.sample(rows, len(rows))
    groups: list[list[Row]] = []
    for start in range(0, len(order), _POOL):
        groups += _fill(sorted(order[start : start + _POOL], key=lambda row: len(row.ids)), max_tokens)
    rng.shuffle(groups)
    return [collate(group, pad_id) for group in groups]


def _fill(rows: Sequence[Row], max_tokens: int) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in rows:  # from short to long, so the newest is the widest
        if group and len(row.ids) * (len(group) + 1) > max_tokens:
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def collate(rows: Sequence[Row], pad_id: int) -> Batch:
    """Pad rows on the right: under a causal mask no token attends to the padding, so it needs no mask."""
    lengths = torch.tensor([len(row.ids) for row in rows])
    width = int(lengths.max())
    ids = torch.tensor([row.ids + (pad_id,) * (width - len(row.ids)) for row in rows])
    predicted = torch.arange(1, width)
    in_text = predicted < lengths[:, None]
    in_completion = in_text & (predicted >= torch.tensor([[row.n_prompt] for row in rows]))
    in_program = in_completion & torch.tensor([[row.is_program] for row in rows])
    return Batch(ids, in_text, in_completion, in_program)
