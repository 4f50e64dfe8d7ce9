"""A model of transformers as a machine for streams of problems: asks in, replies out, a token at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from itertools import groupby
from typing import TYPE_CHECKING

import torch

from conself.engines.decoding import Decoding
from conself.engines.engine import Ask, Reply
from conself.engines.stop_strings import StopStrings, text_of
from conself.engines.stream import Deliver
from conself.engines.transformers.attention import grouped_attention
from conself.engines.transformers.generation import Generator
from conself.engines.transformers.ledger import Completion, Request
from conself.engines.transformers.packed import pack
from conself.engines.transformers.prompts import shared_length
from conself.executors.executor import worker_index
from conself.models.transformers import load_policy, load_tokenizer, stop_token_ids
from conself.prompts.prompts import render
from conself.prompts.turns import encode_prompt
from conself.records import ModelRef
from conself.runtime.memory import keep_freed

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from conself.engines.transformers.engine import Runtime


@lru_cache(maxsize=1)
def loaded(model: ModelRef, device: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase, tuple[int, ...]]:
    """Load the model once per process; also returns its tokenizer, and the ids that end a completion.

    Raises:
        OSError, ValueError: as :func:`conself.models.transformers.load_policy`.
    """
    if device == "auto" and torch.cuda.is_available():
        device = f"cuda:{worker_index() % torch.cuda.device_count()}"  # several processes: a GPU each
    policy, tokenizer = load_policy(model, device), load_tokenizer(model)
    if policy.device.type == "cpu":
        keep_freed()
        pack(policy)
    return policy, tokenizer, stop_token_ids(policy, tokenizer)


class TransformersMachine:
    """The rows of one stream of problems; ``seats`` of them decode together."""

    def __init__(self, model: ModelRef, device: str, seats: int) -> None:
        self.policy, self._tokenizer, self._stop_ids = loaded(model, device)
        self.seats = seats
        self._generator = Generator(self.policy, self._stop_ids, seats)
        self._stops: dict[tuple[str, ...], StopStrings] = {}

    @property
    def live(self) -> int:
        """The number of samples that run or wait."""
        return self._generator.live

    def submit(self, asks: Sequence[Ask], decoding: Decoding, deliver: Deliver, turn: int) -> list[str]:
        """Start one sample per seed of each ask; what asks of a group have in common is read once.

        Raises:
            ValueError: a prompt has no token, or would outgrow the model's attention.
        """
        if decoding.stop not in self._stops:
            self._stops[decoding.stop] = StopStrings(self._tokenizer, decoding.stop)
        stops = self._stops[decoding.stop]
        number = 0
        for group, members in groupby(asks, lambda ask: ask.group):
            alike = list(members)
            prompts = [tuple(encode_prompt(self._tokenizer, render(self._tokenizer, ask.messages))) for ask in alike]
            shared = 0 if group is None else shared_length(prompts)
            for ids, ask in zip(prompts, alike, strict=True):
                told = partial(self._deliver, deliver, number, stops)
                self._generator.add(Request(ids, ask.seeds, shared), decoding, stops, told, turn)
                number += 1
        return []  # a machine serves one stream, whose samples are dropped together

    def step(self) -> None:
        """Draw a token for every running sample; deliver those that have ended."""
        self._generator.step()

    def abort(self, names: Sequence[str]) -> None:  # noqa: ARG002
        """Drop all samples."""
        self._generator.clear()

    def _deliver(self, deliver: Deliver, number: int, stops: StopStrings, place: int, completion: Completion) -> None:
        deliver(number, place, _reply(completion, stops, self._stop_ids))


def complete_chats(model: ModelRef, runtime: Runtime, asks: Sequence[Ask], settings: Decoding) -> Iterator[list[Reply]]:
    """Yield one reply per seed of every ask, in order, as soon as possible; the model is loaded once per process."""
    machine = TransformersMachine(model, runtime.device, runtime.rows)
    replies: list[dict[int, Reply]] = [{} for _ in asks]
    machine.submit(asks, settings, lambda ask, place, reply: replies[ask].__setitem__(place, reply), 0)
    with grouped_attention(machine.policy):
        for ask, known in zip(asks, replies, strict=True):
            while len(known) < len(ask.seeds):
                machine.step()
            yield [known[place] for place in range(len(ask.seeds))]


def _reply(completion: Completion, stops: StopStrings, stop_ids: Sequence[int]) -> Reply:
    count = len(completion.token_ids)
    return Reply(
        text=text_of(completion.token_ids.tolist(), stops, stop_ids),
        finish_reason=completion.finish_reason,
        mean_nll=-float(completion.token_logprobs.mean(dtype="float64")) if count else None,
        mean_token_entropy=float(completion.token_entropies.mean(dtype="float64")) if count else None,
        n_tokens=count,
    )
