"""What goes through the model at once, and how examples are cut into it."""

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
    """Which token sees which, in rows where responses share a prompt.

    ``prompt`` [B, T], int64, tells prompts apart (-1: padding); ``response`` [B, T], int64, the responses behind a
    prompt, 0 being the prompt itself. A token sees what stands before it in its row and belongs to its own prompt or to
    its own response.
    """

    prompt: Tensor
    response: Tensor

    def to(self, device: torch.device) -> Branches:
        """The same on another device."""
        return Branches(self.prompt.to(device), self.response.to(device))


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """Examples that go through the model together, laid out as B rows of T tokens.

    ``responses`` are those of ``examples`` as the layout computes them; ``places`` [N, K], int64, points from each
    example's K responses into them. ``inputs`` are keyword arguments of the decoder, int64; ``branches`` says who sees
    whom, None where each row is one sequence. ``scored`` [S], int64, holds the flat positions (row * T + column) whose
    next tokens are the response tokens ``targets`` [S], int64, response after response. ``n_tokens`` counts tokens that
    are computed, without padding.
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
        """Tokens of each of ``responses``, which say whose each of ``targets`` is."""
        return tuple(len(response.tokens) for response in self.responses)


def distinct(examples: Iterable[Example]) -> tuple[Response, ...]:
    """The distinct responses of ``examples``, in the order in which they are first named."""
    return tuple(dict.fromkeys(response for example in examples for response in example.responses))


def grouped(examples: Sequence[Example], key: Callable[[Example], Hashable]) -> list[list[Example]]:
    """Examples with equal keys together, in the order in which the keys first appear."""
    groups: dict[Hashable, list[Example]] = {}
    for example in examples:
        groups.setdefault(key(example), []).append(example)
    return list(groups.values())


def fill(groups: Sequence[list[Example]], area: Callable[[Sequence[Example]], int], budget: int) -> list[list[Example]]:
    """Pieces of at most ``budget`` tokens by ``area``, filled with whole groups in the order given.

    A group that exceeds the budget by itself is taken apart into its examples.

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
    """Where the K responses of each example stand among distinct ``responses``: [N, K], int64."""
    import torch

    place = {response: i for i, response in enumerate(responses)}
    return torch.tensor([[place[response] for response in example.responses] for example in examples])
