"""Layouts: how the responses of a global batch are laid out in memory to get their log-probabilities.

Every layout gives the same numbers up to rounding; they differ in time and memory only.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from conself.training.data import Response, TokenPair


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Pairs that go through the model together, laid out as B rows of T tokens.

    ``responses`` are the distinct responses of ``pairs``; ``chosen`` and ``rejected`` [N], int64, point from each
    pair into them (``rejected`` is None unless every pair has a loser). ``inputs`` are the keyword arguments of the
    decoder, int64. ``scored`` [S], int64, holds the flat positions (row * T + column) whose next tokens are the
    response tokens ``targets`` [S], int64, response after response. ``n_tokens`` counts tokens without padding.
    """

    pairs: tuple[TokenPair, ...]
    responses: tuple[Response, ...]
    chosen: Tensor
    rejected: Tensor | None
    inputs: dict[str, Tensor]
    scored: Tensor
    targets: Tensor
    n_tokens: int


class Layout(Protocol):
    """Cuts pairs into micro-batches and scores them."""

    def micro_batches(self, pairs: Sequence[TokenPair]) -> list[MicroBatch]:
        """Micro-batches that hold each of ``pairs`` exactly once, on the CPU."""
        ...

    def log_probs(self, model: PreTrainedModel, micro_batch: MicroBatch) -> Tensor:
        """Summed log-probabilities of ``micro_batch.responses``: [n_responses], float32, in nats."""
        ...


@dataclass(frozen=True, slots=True)
class PairsLayout:
    """The readable reference: one row per distinct response, prompt first, padded on the right.

    A response that several pairs share is computed once. Rows are gathered by length, at most ``token_budget``
    tokens (padding included) in one micro-batch; the pairs of one winner are kept together unless they exceed it.
    """

    token_budget: int

    def micro_batches(self, pairs: Sequence[TokenPair]) -> list[MicroBatch]:
        """Micro-batches of at most ``token_budget`` tokens, the longest rows first.

        Raises:
            ValueError: the two responses of one pair exceed the budget.
        """
        winners: dict[Response, list[TokenPair]] = {}
        for pair in pairs:
            winners.setdefault(pair.chosen, []).append(pair)
        groups = sorted(winners.values(), key=_width, reverse=True)
        return [_padded(part) for part in self._parts(groups)]

    def _parts(self, groups: Sequence[list[TokenPair]]) -> Iterator[list[TokenPair]]:
        part: list[TokenPair] = []
        for group in groups:
            for piece in [group] if self._fits(group) else [[pair] for pair in group]:
                if not self._fits(piece):
                    raise ValueError(
                        f"a pair of problem {piece[0].problem_id!r} takes {_area(piece)} tokens, above token_budget "
                        f"{self.token_budget}; raise training.runtime.layout.token_budget or lower training.max_length"
                    )
                if not self._fits(part + piece):
                    yield part
                    part = []
                part = part + piece
        if part:
            yield part

    def _fits(self, pairs: Sequence[TokenPair]) -> bool:
        return _area(pairs) <= self.token_budget

    def log_probs(self, model: PreTrainedModel, micro_batch: MicroBatch) -> Tensor:
        """See :func:`response_log_probs`."""
        return response_log_probs(model, micro_batch)


def _width(pairs: Sequence[TokenPair]) -> int:
    return max((len(response) for pair in pairs for response in pair.responses), default=0)


def _area(pairs: Sequence[TokenPair]) -> int:
    return _width(pairs) * len({response for pair in pairs for response in pair.responses})


def _padded(pairs: Sequence[TokenPair]) -> MicroBatch:
    """One row per distinct response. The last token of a row is only predicted, so it is no input.

    Rows are filled up on the right, where a causal model never looks: no padding mask is needed, and attention
    takes its fast causal path.
    """
    responses = tuple(dict.fromkeys(response for pair in pairs for response in pair.responses))
    index = {response: row for row, response in enumerate(responses)}
    width = max(len(response) for response in responses) - 1
    input_ids = torch.zeros(len(responses), width, dtype=torch.int64)
    scored = []
    for row, response in enumerate(responses):
        inputs = (*response.prompt, *response.tokens[:-1])
        input_ids[row, : len(inputs)] = torch.tensor(inputs)
        scored.append(torch.arange(len(response.prompt) - 1, len(inputs)) + row * width)
    rejected = [index[pair.rejected] for pair in pairs if pair.rejected is not None]
    return MicroBatch(
        pairs=tuple(pairs),
        responses=responses,
        chosen=torch.tensor([index[pair.chosen] for pair in pairs]),
        rejected=torch.tensor(rejected) if len(rejected) == len(pairs) else None,
        inputs={"input_ids": input_ids},
        scored=torch.cat(scored),
        targets=torch.tensor([token for response in responses for token in response.tokens]),
        n_tokens=sum(len(response) - 1 for response in responses),
    )


def response_log_probs(model: PreTrainedModel, micro_batch: MicroBatch) -> Tensor:
    """Sum over response tokens of log p(token | all before it), for each response: [n_responses], float32, in nats.

    Only the response positions pass through the head, and logits become float32 before the softmax. Models in
    16-bit floats run under autocast, so that float32 adapters mix with their weights.
    """
    device = model.device
    inputs = {name: values.to(device) for name, values in micro_batch.inputs.items()}
    with torch.autocast(device.type, dtype=model.dtype, enabled=model.dtype in (torch.bfloat16, torch.float16)):
        hidden = model.get_decoder()(**inputs, use_cache=False).last_hidden_state
        logits = model.get_output_embeddings()(hidden.flatten(0, 1).index_select(0, micro_batch.scored.to(device)))
    per_token = -nn.functional.cross_entropy(logits.float(), micro_batch.targets.to(device), reduction="none")
    lengths = [len(response.tokens) for response in micro_batch.responses]
    return torch.stack([tokens.sum() for tokens in per_token.split(lengths)])


@torch.no_grad()
def require_plain_head(model: PreTrainedModel, response: Response) -> None:
    """Check on one prompt that decoder, then output embeddings, give the model's own logits.

    Raises:
        ValueError: the model does more than that (caps or scales its logits, say); its log-probs would be wrong.
    """
    ids = torch.tensor([response.prompt], device=model.device)
    logits = model(input_ids=ids, use_cache=False).logits
    plain = model.get_output_embeddings()(model.get_decoder()(input_ids=ids, use_cache=False).last_hidden_state)
    if not torch.allclose(logits.float(), plain.float(), rtol=1e-2, atol=1e-2):
        raise ValueError(f"{type(model).__name__} changes its logits after the head; such models cannot be trained yet")
