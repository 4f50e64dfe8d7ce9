"""Groups of texts with alike embeddings."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Encoder = Callable[[Sequence[str]], NDArray[np.float32]]
"""n texts to embeddings [n, d] float32, whose cosine says how much alike two texts are."""


@dataclass(frozen=True)
class BySimilarity:
    """Average linkage by cosine: two groups join while the mean cosine between their members is high enough.

    No cosine means the same for two encoders: see what theirs are before choosing a threshold.
    ``python -m experiments.metric_pools.similarity`` prints the cosines of a pool's pairs of programs, of those that
    behave alike and of the others, and the entropy's AUC by threshold.

    Args:
        encoder: texts to embeddings; equal texts are embedded once, and have cosine 1.
        similarity: the least mean cosine.

    Raises:
        ValueError: ``similarity`` lies outside [-1, 1].
    """

    encoder: Encoder
    similarity: float

    def __post_init__(self) -> None:
        if not -1 <= self.similarity <= 1:
            raise ValueError(f"grouping.similarity is a cosine in [-1, 1], got {self.similarity}")

    def __call__(self, texts: Sequence[str]) -> list[int]:
        """The number of each text's group, n ints; a single text or n equal ones are one group."""
        distinct = sorted(set(texts))
        if len(distinct) < 2:
            return [1] * len(texts)
        position = {text: i for i, text in enumerate(distinct)}
        members = np.array([position[text] for text in texts])
        return groups_of(self.encoder(distinct), members, self.similarity)


def groups_of(embeddings: NDArray[np.float32], members: NDArray[np.intp], similarity: float) -> list[int]:
    """Average-linkage groups of n >= 2 points, of which point i has the embedding ``members[i]``.

    Args:
        embeddings: [u, d] float32, one row per distinct text; a zero row is like nothing but itself.
        members: [n] ints in 0..u-1.
        similarity: mean cosine down to which groups join.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    rows = embeddings.astype(np.float64)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny)
    distance = np.clip(1.0 - rows @ rows.T, 0.0, 2.0)
    distance = (distance + distance.T) / 2
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance[np.ix_(members, members)], checks=False), method="average")
    return [int(label) for label in fcluster(tree, t=1.0 - similarity, criterion="distance")]
