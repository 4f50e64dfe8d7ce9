"""Groups of texts with similar embeddings."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from conself.runtime.steps import Steps, finished

Encoder = Callable[[Sequence[str]], NDArray[np.float32]]
"""n texts to embeddings [n, d] float32, whose cosine says how much alike two texts are."""

_PIECE = 32
"""Texts that an encoder gets at once: enough for full batches, few enough for progress to be seen."""


@dataclass(frozen=True)
class BySimilarity:
    """Average linkage by cosine: two groups join while the mean cosine between their members is high enough.

    Cosines of different encoders are not comparable: inspect them before choosing a threshold.
    ``python -m experiments.metric_pools.similarity`` prints the cosines of a pool's pairs of programs, of those that
    behave the same and of the others, and the entropy's AUC by threshold.

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
        """Return the number of each text's group, n ints; a single text or n equal ones are one group."""
        return finished(self.over([texts]))[0]

    def over(self, pools: Sequence[Sequence[str]]) -> Steps[list[list[int]]]:
        """Group each pool's texts; a text is embedded once however many pools have it.

        Texts of similar length are encoded together, so that batches have little padding.
        """
        unlike = [texts for texts in pools if len(set(texts)) > 1]
        copies = Counter(text for texts in unlike for text in texts)
        yield sum(map(len, pools)) - copies.total()
        by_length = sorted(copies, key=lambda text: (len(text), text))
        pieces = [by_length[start : start + _PIECE] for start in range(0, len(by_length), _PIECE)]
        random.Random(0).shuffle(pieces)  # so that the time left is right from the start, not that of short texts
        rows: dict[str, NDArray[np.float32]] = {}
        for piece in pieces:
            rows |= zip(piece, self.encoder(piece), strict=True)
            yield sum(copies[text] for text in piece)
        return [self._groups(texts, rows) for texts in pools]

    def _groups(self, texts: Sequence[str], rows: Mapping[str, NDArray[np.float32]]) -> list[int]:
        distinct = sorted(set(texts))
        if len(distinct) < 2:
            return [1] * len(texts)
        position = {text: i for i, text in enumerate(distinct)}
        members = np.array([position[text] for text in texts])
        return groups_of(np.stack([rows[text] for text in distinct]), members, self.similarity)


def groups_of(embeddings: NDArray[np.float32], members: NDArray[np.intp], similarity: float) -> list[int]:
    """Compute average-linkage groups of n >= 2 points, where point i has the embedding ``members[i]``.

    Args:
        embeddings: [u, d] float32, one row per distinct text; a zero row is similar only to itself.
        members: [n] ints in 0..u-1.
        similarity: the least mean cosine at which groups join.
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
