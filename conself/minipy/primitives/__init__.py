"""The operations of the embedded world: 72 that the corpus teaches and 39 that it never contains."""

from conself.minipy.primitives import integers, lists, lists_noisy, reductions, strings, unseen_lists, unseen_scalars

KNOWN = (
    *lists.PRIMITIVES,
    *lists_noisy.PRIMITIVES,
    *reductions.PRIMITIVES,
    *integers.PRIMITIVES,
    *strings.PRIMITIVES,
)
UNSEEN = (*unseen_lists.PRIMITIVES, *unseen_scalars.PRIMITIVES)
