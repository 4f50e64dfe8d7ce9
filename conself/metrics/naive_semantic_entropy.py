"""Naive semantic entropy: how widely candidates differ as texts, without being run."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from conself.agreement.traces import Agreement, semantic_entropy
from conself.records import Pool, Undefined
from conself.runtime.steps import Steps, finished


class Grouping(Protocol):
    """Assigns texts to numbered groups; equal texts share one. Texts are passed sorted, as their order may matter."""

    def over(self, pools: Sequence[Sequence[str]]) -> Steps[list[list[int]]]:
        """Return each text's group number, pool by pool; yields how many more texts are done, with copies."""


@dataclass(frozen=True)
class NaiveSemanticEntropy:
    """Entropy in nats over groups of all K programs as texts (docs/method.md#metrics).

    This is discrete semantic entropy (Farquhar et al., Nature 630, 2024), whose groups have the same meaning, on code;
    the paper's point is that meaning as text is not behaviour. A candidate without a code block is compared by its
    whole text.

    Args:
        grouping: which texts mean the same: :class:`conself.texts.groupings.by_similarity.BySimilarity` or
            :class:`conself.texts.groupings.by_entailment.ByEntailment`.
    """

    grouping: Grouping

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:  # texts only
        """Return the entropy in [0, log K], or Undefined without candidates."""
        return finished(self.over([pool]))[0]

    def over(self, pools: Sequence[Pool]) -> Steps[list[float | Undefined]]:
        """Return the entropy of each pool; yields the number of programs done since the last step, over all pools."""
        texts = [
            sorted(candidate.text if candidate.code is None else candidate.code for candidate in pool.candidates)
            for pool in pools
        ]
        groups = yield from self.grouping.over(texts)
        return [_entropy(numbers) for numbers in groups]


def _entropy(groups: Sequence[int]) -> float | Undefined:
    sizes = list(Counter(groups).values())
    if not sizes:
        return Undefined("no candidates")
    return 0.0 if len(sizes) == 1 else semantic_entropy(sizes)
