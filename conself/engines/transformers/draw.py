"""Draw tokens from one step's logits: inverse-CDF sampling, nucleus threshold, token entropy. Pure functions."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from conself.engines.decoding import Decoding

_FIRST_NUCLEUS = 64


def choose(logits: Tensor, uniforms: Tensor, settings: Decoding) -> tuple[Tensor, Tensor, Tensor]:
    """Draw one token per row and describe the distribution it came from.

    Args:
        logits: [N, V] float32, as the model gave them.
        uniforms: [N] float64 in [0, 1), one per row; not read when greedy.
        settings: temperature, top_p and entropy_top_k.

    Returns:
        tokens [N] int64; their log-probabilities [N] float32 in nats under the untempered, untruncated softmax;
        token entropies [N] float32 in nats, over the ``entropy_top_k`` likeliest tokens of that softmax, renormalised.
    """
    log_probs = logits.log_softmax(-1)
    if settings.temperature == 0:
        tokens = logits.argmax(-1)
    else:
        tempered = log_probs if settings.temperature == 1 else (logits / settings.temperature).log_softmax(-1)
        tokens = inverse_cdf(nucleus(tempered.exp(), settings.top_p), uniforms)
    return tokens, log_probs.gather(1, tokens[:, None]).squeeze(1), top_entropy(log_probs, settings.entropy_top_k)


def top_entropy(log_probs: Tensor, k: int) -> Tensor:
    """Compute the entropy [N] in nats of the ``k`` likeliest tokens, renormalised; log_probs is [N, V]."""
    top = log_probs.topk(min(k, log_probs.shape[-1]), sorted=False).values.log_softmax(-1)
    entropy: Tensor = torch.special.entr(top.exp()).sum(-1)
    return entropy


def nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Set ``probabilities`` [N, V] to zero outside each row's nucleus (not renormalised).

    The nucleus is the smallest set of likeliest tokens with mass >= top_p; tokens that tie with its least likely member
    belong to it too, so that it does not depend on how a sort orders equal values.
    """
    if top_p == 1:
        return probabilities
    return probabilities.where(probabilities >= _least_likely(probabilities, top_p, _FIRST_NUCLEUS), 0.0)


def _least_likely(probabilities: Tensor, top_p: float, count: int) -> Tensor:
    """Return the probability [N, 1] of the least likely token of each row's nucleus, sought first in ``count`` tokens.

    Few rows need more, and only these are read again: sorting a vocabulary takes longer than a small model's step.
    """
    count = min(count, probabilities.shape[-1])
    top = probabilities.topk(count).values
    mass = top.cumsum(-1, dtype=torch.float64)
    last = (mass < top_p).sum(-1, keepdim=True).clamp_(max=count - 1)
    least = top.gather(1, last)
    if count < probabilities.shape[-1]:
        wide = (mass[:, -1] < top_p).nonzero().squeeze(1)
        if len(wide):
            least[wide] = _least_likely(probabilities[wide], top_p, 8 * count)
    return least


def inverse_cdf(weights: Tensor, uniforms: Tensor) -> Tensor:
    """Return the index [N] at which the running sum of ``weights`` [N, V] (any total) exceeds ``uniforms`` * total.

    Tokens are summed in the order of their ids. Two levels, blocks first, avoid a running sum over the vocabulary.
    A token of weight 0 is never drawn.
    """
    rows, size = weights.shape
    width = 1 << math.ceil(math.log2(size) / 2)
    blocks = F.pad(weights, (0, -size % width)).view(rows, -1, width)
    sums = blocks.sum(-1, dtype=torch.float64)
    running = sums.cumsum(-1)
    target = uniforms[:, None] * running[:, -1:]
    block = (running <= target).sum(-1, keepdim=True).clamp_(max=sums.shape[1] - 1)
    rest = (target - running.gather(1, block) + sums.gather(1, block)).clamp_(min=0)
    inner = blocks[torch.arange(rows, device=weights.device), block[:, 0]]
    index = (inner.cumsum(-1, dtype=torch.float64) <= rest).sum(-1)
    # Rounding may put the target slightly beyond the block's last token: use the block's likeliest token.
    index = torch.where(index < width, index, inner.argmax(-1))
    return block[:, 0] * width + index
