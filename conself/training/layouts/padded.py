"""How examples become rows of tokens. Layouts differ in time and memory; the numbers are the same in all of them."""

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
        """Tokens of one piece at most, padding included."""
        ...

    def prepare(self, model: PreTrainedModel, examples: Sequence[Example]) -> None:
        """Make ``model`` compute what this layout lays out of ``examples``; before their first forward pass.

        Raises:
            ValueError: the model can't.
        """
        ...

    def cut(self, examples: Sequence[Example]) -> list[list[Example]]:
        """Pieces that hold each of ``examples`` exactly once, each within the layout's token budget."""
        ...

    def lay(self, examples: Sequence[Example]) -> MicroBatch:
        """One piece as tensors on the CPU."""
        ...


@dataclass(frozen=True, slots=True)
class PairsLayout:
    """The readable reference: a row for each response of each example behind its prompt, padded on the right.

    Nothing is shared: a winner with three losers is computed three times.
    """

    token_budget: int

    def prepare(self, model: PreTrainedModel, examples: Sequence[Example]) -> None:
        """Nothing to do: a row is one sequence, which any model takes."""

    def cut(self, examples: Sequence[Example]) -> list[list[Example]]:
        """Examples of like length together, the longest first.

        Raises:
            ValueError: the responses of one example exceed the budget.
        """
        return fill([[e] for e in sorted(examples, key=_width_of_one, reverse=True)], _area_of_all, self.token_budget)

    def lay(self, examples: Sequence[Example]) -> MicroBatch:
        """The first responses of all examples (winners), then the second (losers), and so on."""
        import torch

        responses = [response for column in zip(*(e.responses for e in examples), strict=True) for response in column]
        return _padded(examples, responses, torch.arange(len(responses)).view(-1, len(examples)).T)


@dataclass(frozen=True, slots=True)
class DistinctLayout:
    """One row per distinct response behind its prompt, padded on the right: a winner of three pairs is computed once.

    For models that can't do without plain rows: sliding windows, attention other than sdpa and eager.
    """

    token_budget: int

    def prepare(self, model: PreTrainedModel, examples: Sequence[Example]) -> None:
        """Nothing to do: a row is one sequence, which any model takes."""

    def cut(self, examples: Sequence[Example]) -> list[list[Example]]:
        """The pairs of one winner together, those of like length beside one another, the longest first.

        Raises:
            ValueError: the responses of one example exceed the budget.
        """
        winners = grouped(examples, lambda example: example.responses[0])
        return fill(sorted(winners, key=_width, reverse=True), _area, self.token_budget)

    def lay(self, examples: Sequence[Example]) -> MicroBatch:
        """Rows in the order in which the responses are first named."""
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
        examples=tuple(examples),
        responses=tuple(responses),
        places=rows,
        inputs={"input_ids": input_ids},
        branches=None,
        scored=torch.cat(scored),
        targets=torch.tensor([token for response in responses for token in response.tokens]),
        n_tokens=sum(len(response) - 1 for response in responses),
    )
