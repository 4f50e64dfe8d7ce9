"""Micro-batches, which go through the model at once, and cutting examples into them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from conself.training.data import Example, Response


@dataclass(frozen=True, slots=True)
class Branches:
    """Which token attends to which, in rows where responses share a prompt.

    ``prompt`` [B, T], int64, numbers the prompts (-1: padding); ``response`` [B, T], int64, numbers the responses after
    a prompt, 0 being the prompt itself. A token attends to the earlier tokens of its row that belong to its prompt or
    to its own response.
    """

    prompt: Tensor
    response: Tensor

    def to(self, device: torch.device) -> Branches:
        """Copy to another device."""
        return Branches(self.prompt.to(device), self.response.to(device))


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Examples that go through the model together, laid out as B rows of T tokens.

    ``responses`` are those of ``examples`` as the layout computes them; ``places`` [N, K], int64, points from each
    example's K responses into them. ``inputs`` are keyword arguments of the decoder, int64; ``branches`` defines the
    attention, None if each row is one sequence. ``scored`` [S], int64, holds the flat positions (row * T + column)
    whose next tokens are the response tokens ``targets`` [S], int64, response after response. ``n_tokens`` counts the
    computed tokens, without padding.
    """

    examples: tuple[Example, ...]
    responses: tuple[Response, ...]
    places: Tensor
    inputs: dict[str, Tensor]
    branches: Branches | None
    scored: Tensor
    targets: Tensor
    n_tokens: int

    @property
    def lengths(self) -> tuple[int, ...]:
        """The number of tokens of each of ``responses``, which assigns ``targets`` to responses."""
        return tuple(len(response.tokens) for response in self.responses)


def distinct(examples: Iterable[Example]) -> tuple[Response, ...]:
    """Return the distinct responses of ``examples``, in order of first appearance."""
    return tuple(dict.fromkeys(response for example in examples for response in example.responses))


def grouped(examples: Sequence[Example], key: Callable[[Example], Hashable]) -> list[list[Example]]:
    """Group examples with equal keys, in order of first appearance."""
    groups: dict[Hashable, list[Example]] = {}
    for example in examples:
        groups.setdefault(key(example), []).append(example)
    return list(groups.values())


def fill(groups: Sequence[list[Example]], area: Callable[[Sequence[Example]], int], budget: int) -> list[list[Example]]:
    """Fill pieces of at most ``budget`` tokens, measured by ``area``, with whole groups in the order given.

    A group that alone exceeds the budget is split into its examples.

    Raises:
        ValueError: a single example exceeds the budget.
    """
    pieces: list[list[Example]] = []
    for group in groups:
        for part in [group] if area(group) <= budget else [[example] for example in group]:
            if area(part) > budget:
                what = "a pair" if len(part[0].responses) > 1 else "a response"
                raise ValueError(
                    f"{what} of problem {part[0].problem_id!r} takes {area(part)} tokens, above token_budget {budget}; "
                    "raise training.runtime.layout.token_budget or lower training.max_length"
                )
            if pieces and area(pieces[-1] + part) <= budget:
                pieces[-1] += part
            else:
                pieces.append(list(part))
    return pieces


def places(examples: Sequence[Example], responses: Sequence[Response]) -> Tensor:
    """Return the indices of each example's K responses among distinct ``responses``: [N, K], int64."""
    import torch

    place = {response: i for i, response in enumerate(responses)}
    return torch.tensor([[place[response] for response in example.responses] for example in examples])
