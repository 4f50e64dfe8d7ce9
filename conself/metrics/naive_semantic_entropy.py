"""Naive semantic entropy: how widely candidates disagree as texts, without being run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from conself.consensus import Consensus, semantic_entropy
from conself.records import Pool, Undefined

Encoder = Callable[[Sequence[str]], NDArray[np.float32]]
"""n texts to embeddings [n, d] float32, whose cosine says how much alike two texts are."""


@dataclass(frozen=True)
class NaiveSemanticEntropy:
    """Entropy in nats over clusters of all K programs as texts (METHOD, "naive semantic entropy").

    Programs are clustered by the cosine similarity of their embeddings: average linkage over the K candidates,
    where identical texts have similarity 1. A candidate without a code block stands for itself by its whole text.

    Args:
        encoder: texts to embeddings.
        similarity: two clusters join while the mean cosine between their members is at least this.

    Raises:
        ValueError: ``similarity`` lies outside [-1, 1].
    """

    encoder: Encoder
    similarity: float

    def __post_init__(self) -> None:
        if not -1 <= self.similarity <= 1:
            raise ValueError(f"metric.similarity is a cosine in [-1, 1], got {self.similarity}")

    def __call__(self, pool: Pool, consensus: Consensus) -> float | Undefined:
        """The entropy in [0, log K], or Undefined without candidates."""
        texts = sorted(candidate.text if candidate.code is None else candidate.code for candidate in pool.candidates)
        if not texts:
            return Undefined("no candidates")
        distinct, members = np.unique(np.array(texts, dtype=object), return_inverse=True)
        if len(distinct) == 1:
            return 0.0
        embeddings = self.encoder([str(text) for text in distinct])
        return semantic_entropy(cluster_sizes(embeddings, members, self.similarity))


def cluster_sizes(embeddings: NDArray[np.float32], members: NDArray[np.intp], similarity: float) -> list[int]:
    """Sizes of the average-linkage clusters of n >= 2 points, of which point i has the embedding ``members[i]``.

    Args:
        embeddings: [u, d] float32, one row per distinct text; a zero row is like nothing but itself.
        members: [n] ints in 0..u-1.
        similarity: mean cosine down to which clusters join.
    """
    rows = embeddings.astype(np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    distance = np.clip(1.0 - rows @ rows.T, 0.0, 2.0)
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance[np.ix_(members, members)], checks=False), method="average")
    labels = fcluster(tree, t=1.0 - similarity, criterion="distance")
    return [int(size) for size in np.bincount(labels) if size]
