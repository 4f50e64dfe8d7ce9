"""Groups of texts that entail one another, as in the semantic-entropy papers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conself.runtime.steps import Steps

Entails = Callable[[Sequence[tuple[str, str]]], list[bool]]
"""n pairs (premise, hypothesis) to n answers: does the premise entail the hypothesis?"""


@dataclass(frozen=True)
class ByEntailment:
    """Greedy clustering by bidirectional entailment (Kuhn et al., arXiv 2302.09664; Farquhar et al., 2024).

    Each text joins the first group whose first member it entails and is entailed by, or else opens a new group. A
    model's entailment is not transitive, so the order of texts can matter.

    Args:
        entails: the judge, :class:`conself.texts.entailment.EntailmentModel`; asked about distinct texts only.
    """

    entails: Entails

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """Return the number of each text's group, n ints from 0."""
        left = list(dict.fromkeys(texts))
        group: dict[str, int] = {}
        number = 0
        while left:
            # The first text of a group is compared with all remaining ones: the same groups, in fewer, larger batches.
            opening, rest = left[0], left[1:]
            forward = self.entails([(opening, text) for text in rest]) if rest else []
            half = [text for text, entailed in zip(rest, forward, strict=True) if entailed]
            back = self.entails([(text, opening) for text in half]) if half else []
            joined = {opening, *(text for text, entailed in zip(half, back, strict=True) if entailed)}
            group |= dict.fromkeys(joined, number)
            left = [text for text in rest if text not in joined]
            number += 1
        return [group[text] for text in texts]

    def over(self, pools: Sequence[Sequence[str]]) -> Steps[list[list[int]]]:
        """Group each pool's texts, one pool after the other: each question depends on the previous answers."""
        groups = []
        for texts in pools:
            groups.append(self(texts))
            yield len(texts)
        return groups
