"""What goes through the model at once, and how pairs are cut into it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from conself.training.data import Response, TokenPair


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
    """Pairs that go through the model together, laid out as B rows of T tokens.

    ``responses`` are those of ``pairs`` as the layout computes them; ``chosen`` and ``rejected`` [N], int64, point from
    each pair into them (``rejected`` is None unless every pair has a loser). ``inputs`` are keyword arguments of the
    decoder, int64; ``branches`` says who sees whom, None where each row is one sequence. ``scored`` [S], int64, holds
    the flat positions (row * T + column) whose next tokens are the response tokens ``targets`` [S], int64, response
    after response. ``n_tokens`` counts tokens that are computed, without padding.
    """

    pairs: tuple[TokenPair, ...]
    responses: tuple[Response, ...]
    chosen: Tensor
    rejected: Tensor | None
    inputs: dict[str, Tensor]
    branches: Branches | None
    scored: Tensor
    targets: Tensor
    n_tokens: int


def distinct(pairs: Iterable[TokenPair]) -> tuple[Response, ...]:
    """The distinct responses of ``pairs``, in the order in which they are first named."""
    return tuple(dict.fromkeys(response for pair in pairs for response in pair.responses))


def grouped(pairs: Sequence[TokenPair], key: Callable[[TokenPair], Hashable]) -> list[list[TokenPair]]:
    """Pairs with equal keys together, in the order in which the keys first appear."""
    groups: dict[Hashable, list[TokenPair]] = {}
    for pair in pairs:
        groups.setdefault(key(pair), []).append(pair)
    return list(groups.values())


def fill(
    groups: Sequence[list[TokenPair]], area: Callable[[Sequence[TokenPair]], int], budget: int
) -> list[list[TokenPair]]:
    """Pieces of at most ``budget`` tokens by ``area``, filled with whole groups in the order given.

    A group that exceeds the budget by itself is taken apart into its pairs.

    Raises:
        ValueError: a single pair exceeds the budget.
    """
    pieces: list[list[TokenPair]] = []
    for group in groups:
        for part in [group] if area(group) <= budget else [[pair] for pair in group]:
            if area(part) > budget:
                raise ValueError(
                    f"a pair of problem {part[0].problem_id!r} takes {area(part)} tokens, above token_budget {budget}; "
                    "raise training.runtime.layout.token_budget or lower training.max_length"
                )
            if pieces and area(pieces[-1] + part) <= budget:
                pieces[-1] += part
            else:
                pieces.append(list(part))
    return pieces


def indices(pairs: Sequence[TokenPair], responses: Sequence[Response]) -> tuple[Tensor, Tensor | None]:
    """Where each pair's winner and loser stand among distinct ``responses``: [N] and [N] or None, int64."""
    import torch

    place = {response: i for i, response in enumerate(responses)}
    losers = [place[pair.rejected] for pair in pairs if pair.rejected is not None]
    chosen = torch.tensor([place[pair.chosen] for pair in pairs])
    return chosen, torch.tensor(losers) if len(losers) == len(pairs) else None
