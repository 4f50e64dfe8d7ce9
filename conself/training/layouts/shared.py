"""The default layout: a problem's responses share its prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conself.training.micro_batches import Branches, MicroBatch, distinct, fill, grouped, places

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from conself.training.data import Example, Response


@dataclass(frozen=True, slots=True)
class SharedLayout:
    """Rows of ``[prompt][response][response]...``: with m losers, or m rollouts, a prompt is computed once.

    Every response attends to the prompt and itself, and its position ids continue those of the prompt, so its numbers
    equal those of a separate row. The rows of a micro-batch are as long as its longest problem; shorter problems share
    rows.

    On a GPU, training with rows longer than ``flex_above`` tokens uses FlexAttention, which skips masked blocks; a
    dense mask grows with the square of the row.
    """

    token_budget: int
    flex_above: int | None

    def prepare(self, model: PreTrainedModel, examples: Sequence[Example]) -> None:
        """Choose the attention by :func:`~conself.training.scorer.visibility.use_attention`.

        Raises:
            ValueError: the model accepts no custom mask, or has a sliding window shorter than the rows.
        """
        from conself.training.scorer.visibility import use_attention

        longest_row = min(_width(examples), self.token_budget)  # of any cut: a problem above the budget is taken apart
        use_attention(model, longest_row, self.flex_above)

    def cut(self, examples: Sequence[Example]) -> list[list[Example]]:
        """Keep the examples of one prompt together, the longest problems first.

        Raises:
            ValueError: one example exceeds the budget.
        """
        prompts = grouped(examples, lambda example: example.prompt)
        return fill(sorted(prompts, key=_width, reverse=True), _area, self.token_budget)

    def lay(self, examples: Sequence[Example]) -> MicroBatch:
        """Lay out rows as :func:`_rows` fills them; responses follow their prompt in order of first appearance."""
        import torch

        rows = _rows(examples)
        responses = tuple(response for row in rows for group in row for response in group)
        shape = (len(rows), max(sum(map(_length, row)) for row in rows))
        ids, positions, branch = (torch.zeros(shape, dtype=torch.int64) for _ in range(3))
        prompt = torch.full(shape, -1)
        scored: list[int] = []
        number = 0
        for i, row in enumerate(rows):
            column = 0
            for group in row:
                line = _Line(group)
                span = slice(column, column + len(line.ids))
                ids[i, span], positions[i, span] = torch.tensor(line.ids), torch.tensor(line.positions)
                branch[i, span], prompt[i, span] = torch.tensor(line.branches), number
                scored += [i * shape[1] + column + place for place in line.scored]
                column, number = span.stop, number + 1
        return MicroBatch(
            examples=tuple(examples),
            responses=responses,
            places=places(examples, responses),
            inputs={"input_ids": ids, "position_ids": positions},
            branches=Branches(prompt, branch),
            scored=torch.tensor(scored),
            targets=torch.tensor([token for response in responses for token in response.tokens]),
            n_tokens=int((prompt >= 0).sum()),
        )


class _Line:
    """One prompt and its responses as lists of tokens, and the positions that predict response tokens.

    The last token of each response is only predicted. The prompt's last token predicts the first of every response.
    """

    def __init__(self, responses: Sequence[Response]) -> None:
        prompt = responses[0].prompt
        self.ids = list(prompt)
        self.positions = list(range(len(prompt)))
        self.branches = [0] * len(prompt)
        self.scored: list[int] = []
        for number, response in enumerate(responses, start=1):
            inputs, start = response.tokens[:-1], len(self.ids)
            self.scored += [len(prompt) - 1, *range(start, start + len(inputs))]
            self.ids += inputs
            self.positions += range(len(prompt), len(prompt) + len(inputs))
            self.branches += [number] * len(inputs)


def _length(responses: Sequence[Response]) -> int:
    return len(responses[0].prompt) + sum(len(response.tokens) - 1 for response in responses)


def _groups(examples: Sequence[Example]) -> list[tuple[Response, ...]]:
    return [distinct(group) for group in grouped(examples, lambda example: example.prompt)]


def _rows(examples: Sequence[Example]) -> list[list[tuple[Response, ...]]]:
    """Pack problems into rows as long as the longest: each, in order of length, goes into the first row with room."""
    groups = sorted(_groups(examples), key=_length, reverse=True)
    width = _length(groups[0])
    rows: list[list[tuple[Response, ...]]] = []
    room: list[int] = []
    for group in groups:
        need = _length(group)
        place = next((i for i, left in enumerate(room) if left >= need), None)
        if place is None:
            rows.append([])
            room.append(width)
            place = len(rows) - 1
        rows[place].append(group)
        room[place] -= need
    return rows


def _width(examples: Sequence[Example]) -> int:
    return max(map(_length, _groups(examples)))


def _area(examples: Sequence[Example]) -> int:
    return len(_rows(examples)) * _width(examples)
