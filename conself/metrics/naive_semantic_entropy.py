"""Naive semantic entropy: how widely candidates disagree as texts, without being run."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conself.agreement.consensus import Consensus, semantic_entropy
from conself.records import Pool, Undefined

Grouping = Callable[[Sequence[str]], list[int]]
"""n texts to the numbers of their groups; equal texts share one. The order of texts may matter: they come sorted."""


@dataclass(frozen=True)
class NaiveSemanticEntropy:
    """Entropy in nats over groups of all K programs as texts (METHOD, "naive semantic entropy").

    This is discrete semantic entropy (Farquhar et al., Nature 630, 2024), whose groups are of like meaning, on code;
    the paper's point is that meaning as text is not behaviour. A candidate without a code block stands for itself by
    its whole text.

    Args:
        grouping: which texts mean the same: :class:`conself.texts.by_similarity.BySimilarity` or
            :class:`conself.texts.by_entailment.ByEntailment`.
    """

    grouping: Grouping

    def __call__(self, pool: Pool, consensus: Consensus) -> float | Undefined:
        """The entropy in [0, log K], or Undefined without candidates."""
        texts = sorted(candidate.text if candidate.code is None else candidate.code for candidate in pool.candidates)
        if not texts:
            return Undefined("no candidates")
        if texts[0] == texts[-1]:
            return 0.0
        return semantic_entropy(list(Counter(self.grouping(texts)).values()))
