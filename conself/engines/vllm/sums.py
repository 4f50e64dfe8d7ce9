"""Running sums over a sample's tokens while it streams: log-probs of tokens are kept only on request."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# Stands for log 0, whose product with 0 would not be a number.
_NEVER = -1e9


@dataclass
class Sums:
    """A sample's token ids, and two sums in nats; entropies are taken over ``top_k`` tokens.

    ``log_probs`` has the log-prob of each token, in nats; None if not requested.
    """

    top_k: int
    log_probs: list[float] | None = None
    token_ids: list[int] = field(default_factory=list)
    nll: float = 0.0
    entropy: float = 0.0

    @property
    def mean_nll(self) -> float | None:
        """Nats per token; None without a token."""
        return self.nll / len(self.token_ids) if self.token_ids else None

    @property
    def mean_entropy(self) -> float | None:
        """Nats per token; None without a token."""
        return self.entropy / len(self.token_ids) if self.token_ids else None


def add_rows(sums: Sequence[Sums], tokens: Sequence[Sequence[int]], rows: Sequence[NDArray[np.float32]]) -> None:
    """Add the tokens of one step, for all samples at once, because one at a time would slow the engine down.

    Args:
        sums: one per sample.
        tokens: the sample's new token ids, T of them (1, except with speculative decoding).
        rows: [>= T, >= 1 + top_k] log-probabilities in nats under the untempered distribution: the drawn token's
            first, then those of the likeliest tokens, likeliest first.
    """
    for top_k in {sample_sums.top_k for sample_sums in sums}:
        chosen = [i for i, sample_sums in enumerate(sums) if sample_sums.top_k == top_k]
        block = np.concatenate([rows[i][: len(tokens[i]), : 1 + top_k] for i in chosen]).astype(np.float64)
        starts = np.cumsum([0, *(len(tokens[i]) for i in chosen[:-1])])
        nlls = np.add.reduceat(-block[:, 0], starts).tolist()
        entropies = np.add.reduceat(_entropy(block[:, 1:]), starts).tolist()
        for i, nll, entropy in zip(chosen, nlls, entropies, strict=True):
            sums[i].token_ids.extend(tokens[i])
            sums[i].nll += nll
            sums[i].entropy += entropy
        for i, start in zip(chosen, starts.tolist(), strict=True):
            if (kept := sums[i].log_probs) is not None:
                kept.extend(block[start : start + len(tokens[i]), 0].tolist())


def _entropy(top: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the entropy [N] in nats of ``top`` [N, k] log-probabilities, renormalised."""
    top = np.maximum(top, _NEVER)
    peak = top.max(axis=1, keepdims=True)
    weights = np.exp(top - peak)
    total = weights.sum(axis=1, keepdims=True)
    expected = (weights * (top - peak)).sum(axis=1) / total[:, 0]
    entropy: NDArray[np.float64] = np.log(total[:, 0]) - expected
    return entropy
