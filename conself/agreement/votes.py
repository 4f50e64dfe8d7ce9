"""What candidates have in common, by input and by pair; what metrics of behaviour and rankings share.

A crash says nothing about the right output, so that it agrees with nothing, not even with another crash; an execution
that crashes is a cluster of its own wherever the entropy is over all K candidates.
"""

from collections import Counter
from collections.abc import Sequence

from conself.agreement.traces import Keys, semantic_entropy
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
    """Shannon entropy in nats over clusters of the given sizes; each of ``total`` in none of them is one of its own.

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


def agreeing(one: Sequence[str | None], other: Sequence[str | None]) -> int:
    """On how many inputs two traces give the same output; a crash agrees with nothing."""
    return sum(a is not None and a == b for a, b in zip(one, other, strict=True))


def kappa(one: Sequence[str | None], other: Sequence[str | None]) -> float:
    """Cohen's kappa of two traces, programs as raters of M inputs: agreement beyond what their habits bring about.

    (p_o - p_e) / (1 - p_e), with p_o the share of inputs on which they agree, and p_e = sum_v p_1(v) p_2(v) the chance
    that they would were the inputs of one shuffled (Cohen, Educational and Psychological Measurement 20, 1960). Two
    programs that always say None agree on everything and have p_e = 1: kappa says nothing of such a pair, and is 0.

    Returns:
        A value in [-1, 1]; 0 as well when one crashes on any input: it is wrong, and its habits are unknown.
    """
    if None in one or None in other:
        return 0.0
    m, habits = len(one), Counter(other)
    chance = sum(n * habits[value] for value, n in Counter(one).items())
    return (m * agreeing(one, other) - chance) / (m * m - chance) if chance < m * m else 0.0


def kappas(keys: Keys) -> list[list[float]]:
    """K x K: Cohen's kappa of each pair of candidates, with 0 on the diagonal; equal traces are compared once."""
    rows = [tuple(row) for row in keys]
    distinct = list(dict.fromkeys(rows))
    known = {(a, b): kappa(a, b) for i, a in enumerate(distinct) for b in distinct[i:]}
    known |= {(b, a): value for (a, b), value in known.items()}
    return [[0.0 if i == j else known[a, b] for j, b in enumerate(rows)] for i, a in enumerate(rows)]
