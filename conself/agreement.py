"""What behaviour metrics share: which outputs are alike, and what a program that crashes has in common with others.

A crash says nothing about the right output, so that it agrees with nothing, not even with another crash; an execution
that crashes is a cluster of its own wherever the entropy is over all K candidates.
"""

from collections import Counter
from collections.abc import Sequence

from conself.consensus import Keys, semantic_entropy
from conself.records import Undefined


def incomplete(keys: Keys) -> Undefined | None:
    """Why nothing can be said about agreement among K candidates on M inputs; None where something can."""
    if not keys:
        return Undefined("no candidates")
    return None if keys[0] else Undefined("no inputs")


def votes(keys: Keys) -> list[Counter[str]]:
    """Per input, how many of the candidates give which output; crashes are left out. M counters."""
    return [Counter(cell for cell in column if cell is not None) for column in zip(*keys, strict=True)]


def entropy_with_singletons(sizes: Sequence[int], total: int) -> float:
    """Shannon entropy in nats over clusters of the given sizes, each of ``total`` not in one being a cluster of its own.

    Exactly 0.0 for one cluster of all, and log ``total`` where nobody is like anybody.

    Raises:
        ValueError: ``total`` is 0, or less than the sizes add up to.
    """
    alone = total - sum(sizes)
    if alone < 0:
        raise ValueError(f"clusters of sizes {list(sizes)} hold more than the {total} there are")
    return semantic_entropy([*sizes, *[1] * alone])


def whole_traces(keys: Keys) -> Counter[tuple[str | None, ...]]:
    """How many candidates show which behaviour, among those that crash on none of the inputs."""
    return Counter(tuple(row) for row in keys if None not in row)


def agreement(one: Sequence[str | None], other: Sequence[str | None]) -> int:
    """On how many inputs two traces give the same output; a crash agrees with nothing."""
    return sum(a is not None and a == b for a, b in zip(one, other, strict=True))
