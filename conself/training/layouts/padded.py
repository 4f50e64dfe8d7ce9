"""How pairs become rows of tokens. Layouts differ in time and memory; the numbers are the same in all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from conself.training.micro_batches import MicroBatch, distinct, fill, grouped, indices

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from conself.training.data import Response, TokenPair


class Layout(Protocol):
    """Cuts pairs into pieces that fit in memory, and lays each of them out."""

    @property
    def token_budget(self) -> int:
        """Tokens of one piece at most, padding included."""
        ...

    def prepare(self, model: PreTrainedModel, pairs: Sequence[TokenPair]) -> None:
        """Make ``model`` compute what this layout lays out of ``pairs``; before its first forward pass.

        Raises:
            ValueError: the model can't.
        """
        ...

    def cut(self, pairs: Sequence[TokenPair]) -> list[list[TokenPair]]:
        """Pieces that hold each of ``pairs`` exactly once, each within the layout's token budget."""
        ...

    def lay(self, pairs: Sequence[TokenPair]) -> MicroBatch:
        """One piece as tensors on the CPU."""
        ...


@dataclass(frozen=True, slots=True)
class PairsLayout:
    """The readable reference: two rows per pair, winner and loser, each behind its prompt, padded on the right.

    Nothing is shared: a winner with three losers is computed three times.
    """

    token_budget: int

    def prepare(self, model: PreTrainedModel, pairs: Sequence[TokenPair]) -> None:
        """Nothing to do: a row is one sequence, which any model takes."""

    def cut(self, pairs: Sequence[TokenPair]) -> list[list[TokenPair]]:
        """Pairs of like length together, the longest first.

        Raises:
            ValueError: the responses of one pair exceed the budget.
        """
        return fill([[pair] for pair in sorted(pairs, key=_width_of_pair, reverse=True)], _doubled, self.token_budget)

    def lay(self, pairs: Sequence[TokenPair]) -> MicroBatch:
        """All winners, then all losers."""
        import torch

        losers = [pair.rejected for pair in pairs if pair.rejected is not None]
        whole = len(losers) == len(pairs)
        order = torch.arange(len(pairs))
        responses = [*(pair.chosen for pair in pairs), *losers]
        return _padded(pairs, responses, order, order + len(pairs) if whole else None)


@dataclass(frozen=True, slots=True)
class DistinctLayout:
    """One row per distinct response behind its prompt, padded on the right: a winner of three pairs is computed once.

    For models that can't do without plain rows: sliding windows, attention other than sdpa and eager.
    """

    token_budget: int

    def prepare(self, model: PreTrainedModel, pairs: Sequence[TokenPair]) -> None:
        """Nothing to do: a row is one sequence, which any model takes."""

    def cut(self, pairs: Sequence[TokenPair]) -> list[list[TokenPair]]:
        """The pairs of one winner together, those of like length beside one another, the longest first.

        Raises:
            ValueError: the responses of one pair exceed the budget.
        """
        winners = grouped(pairs, lambda pair: pair.chosen)
        return fill(sorted(winners, key=_width, reverse=True), _area, self.token_budget)

    def lay(self, pairs: Sequence[TokenPair]) -> MicroBatch:
        """Rows in the order in which the responses are first named."""
        responses = distinct(pairs)
        return _padded(pairs, responses, *indices(pairs, responses))


def _width_of_pair(pair: TokenPair) -> int:
    return max(map(len, pair.responses))


def _width(pairs: Sequence[TokenPair]) -> int:
    return max(map(_width_of_pair, pairs))


def _doubled(pairs: Sequence[TokenPair]) -> int:
    return _width(pairs) * sum(len(pair.responses) for pair in pairs)


def _area(pairs: Sequence[TokenPair]) -> int:
    return _width(pairs) * len(distinct(pairs))


def _padded(
    pairs: Sequence[TokenPair],
    responses: Sequence[Response],
    chosen: torch.Tensor,
    rejected: torch.Tensor | None,
) -> MicroBatch:
    """One row per response. The last token of a row is only predicted, so it is no input.

    Rows are filled up on the right, where a causal model never looks: no padding mask is needed, and attention
    takes its fast causal path.
    """
    import torch

    width = max(len(response) for response in responses) - 1
    input_ids = torch.zeros(len(responses), width, dtype=torch.int64)
    scored = []
    for row, response in enumerate(responses):
        inputs = (*response.prompt, *response.tokens[:-1])
        input_ids[row, : len(inputs)] = torch.tensor(inputs)
        scored.append(torch.arange(len(response.prompt) - 1, len(inputs)) + row * width)
    return MicroBatch(
        pairs=tuple(pairs),
        responses=tuple(responses),
        chosen=chosen,
        rejected=rejected,
        inputs={"input_ids": input_ids},
        branches=None,
        scored=torch.cat(scored),
        targets=torch.tensor([token for response in responses for token in response.tokens]),
        n_tokens=sum(len(response) - 1 for response in responses),
    )
