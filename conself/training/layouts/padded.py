"""The contract of layouts, and padded ones. Layouts differ in time and memory, but give the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from conself.training.micro_batches import MicroBatch, distinct, fill, grouped, places

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from conself.training.data import Example, Response


class Layout(Protocol):
    """Cuts examples into pieces that fit in memory, and lays each of them out."""

    @property
    def token_budget(self) -> int:
        """The most tokens of one piece, including padding."""
        ...

    def prepare(self, model: PreTrainedModel, examples: Sequence[Example]) -> None:
        """Set up ``model`` for this layout of ``examples``, before their first forward pass.

        Raises:
            ValueError: the model does not support it.
        """
        ...

    def cut(self, examples: Sequence[Example]) -> list[list[Example]]:
        """Cut ``examples`` into pieces within the token budget, each example in exactly one piece."""
        ...

    def lay(self, examples: Sequence[Example]) -> MicroBatch:
        """Lay out one piece as tensors on the CPU."""
        ...


@dataclass(frozen=True, slots=True)
class PairsLayout:
    """The readable reference: a row for each response of each example after its prompt, padded on the right.

    Nothing is shared: a winner with three losers is computed three times.
    """

    token_budget: int

    def prepare(self, model: PreTrainedModel, examples: Sequence[Example]) -> None:
        """Do nothing: a row is one sequence, which any model takes."""

    def cut(self, examples: Sequence[Example]) -> list[list[Example]]:
        """Group examples of similar length, the longest first.

        Raises:
            ValueError: the responses of one example exceed the budget.
        """
        return fill([[e] for e in sorted(examples, key=_width_of_one, reverse=True)], _area_of_all, self.token_budget)

    def lay(self, examples: Sequence[Example]) -> MicroBatch:
        """Lay out the first responses of all examples (winners), then the second (losers), and so on."""
        import torch

        responses = [response for column in zip(*(e.responses for e in examples), strict=True) for response in column]
        return _padded(examples, responses, torch.arange(len(responses)).view(-1, len(examples)).T)


@dataclass(frozen=True, slots=True)
class DistinctLayout:
    """One row per distinct response after its prompt, padded on the right: a winner of three pairs is computed once.

    For models that need plain rows: sliding windows, attention other than sdpa and eager.
    """

    token_budget: int

    def prepare(self, model: PreTrainedModel, examples: Sequence[Example]) -> None:
        """Do nothing: a row is one sequence, which any model takes."""

    def cut(self, examples: Sequence[Example]) -> list[list[Example]]:
        """Keep the pairs of one winner together, and group pairs of similar length, the longest first.

        Raises:
            ValueError: the responses of one example exceed the budget.
        """
        winners = grouped(examples, lambda example: example.responses[0])
        return fill(sorted(winners, key=_width, reverse=True), _area, self.token_budget)

    def lay(self, examples: Sequence[Example]) -> MicroBatch:
        """Lay out a row per distinct response, in order of first appearance."""
        responses = distinct(examples)
        return _padded(examples, responses, places(examples, responses))


def _width_of_one(example: Example) -> int:
    return max(map(len, example.responses))


def _width(examples: Sequence[Example]) -> int:
    return max(map(_width_of_one, examples))


def _area_of_all(examples: Sequence[Example]) -> int:
    return _width(examples) * sum(len(example.responses) for example in examples)


def _area(examples: Sequence[Example]) -> int:
    return _width(examples) * len(distinct(examples))


def _padded(examples: Sequence[Example], responses: Sequence[Response], rows: torch.Tensor) -> MicroBatch:
    """Build one row per response. The last token of a row is only predicted, so it is no input.

    Rows are padded on the right, which a causal model never attends to: no padding mask is needed, and attention takes
    its fast causal path.
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
        examples=tuple(examples),
        responses=tuple(responses),
        places=rows,
        inputs={"input_ids": input_ids},
        branches=None,
        scored=torch.cat(scored),
        targets=torch.tensor([token for response in responses for token in response.tokens]),
        n_tokens=sum(len(response) - 1 for response in responses),
    )
