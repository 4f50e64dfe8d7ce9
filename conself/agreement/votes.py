"""Agreement by input and by pair of candidates: functions shared by metrics of behaviour and rankings.

A crash is no evidence of the right output, so it agrees with nothing, not even with another crash; where entropy is
taken over all K candidates, each crashed execution is its own cluster.
"""

from collections import Counter
from collections.abc import Sequence

from conself.agreement.traces import Keys, semantic_entropy
from conself.records import Undefined


def incomplete(keys: Keys) -> Undefined | None:
    """Return why agreement among K candidates on M inputs is undefined; None if it is defined."""
    if not keys:
        return Undefined("no candidates")
    return None if keys[0] else Undefined("no inputs")


def votes(keys: Keys) -> list[Counter[str]]:
    """Count, for each of M inputs, how many candidates give each output; crashes are left out."""
    return [Counter(cell for cell in column if cell is not None) for column in zip(*keys, strict=True)]


def entropy_with_singletons(sizes: Sequence[int], total: int) -> float:
    """Compute the Shannon entropy, in nats, of clusters of these sizes; the rest of ``total`` are clusters of one.

    Exactly 0.0 for a single cluster of all, and log ``total`` if all are different.

    Raises:
        ValueError: ``total`` is 0, or less than the sizes add up to.
    """
    alone = total - sum(sizes)
    if alone < 0:
        raise ValueError(f"clusters of sizes {list(sizes)} hold more than the {total} there are")
    return semantic_entropy([*sizes, *[1] * alone])


def whole_traces(keys: Keys) -> Counter[tuple[str | None, ...]]:
    """Count the candidates by behaviour, among those that crash on no input."""
    return Counter(tuple(row) for row in keys if None not in row)


def agreeing(one: Sequence[str | None], other: Sequence[str | None]) -> int:
    """Count the inputs on which two traces give the same output; a crash agrees with nothing."""
    return sum(a is not None and a == b for a, b in zip(one, other, strict=True))


def kappa(one: Sequence[str | None], other: Sequence[str | None]) -> float:
    """Compute Cohen's kappa of two traces, with programs as raters of M inputs: their agreement beyond chance.

    (p_o - p_e) / (1 - p_e), with p_o the share of inputs on which they agree, and p_e = sum_v p_1(v) p_2(v) the chance
    that they would were the inputs of one shuffled (Cohen, Educational and Psychological Measurement 20, 1960). Two
    programs that always return None agree on everything and have p_e = 1: kappa is undefined there, and set to 0.

    Returns:
        A value in [-1, 1]; also 0 when one crashes on any input: it is wrong, and its output frequencies are unknown.
    """
    if None in one or None in other:
        return 0.0
    m, habits = len(one), Counter(other)
    chance = sum(n * habits[value] for value, n in Counter(one).items())
    return (m * agreeing(one, other) - chance) / (m * m - chance) if chance < m * m else 0.0


def kappas(keys: Keys) -> list[list[float]]:
    """Compute the K x K matrix of Cohen's kappas, with 0 on the diagonal; equal traces are compared once."""
    rows = [tuple(row) for row in keys]
    distinct = list(dict.fromkeys(rows))
    by_pair = {(a, b): kappa(a, b) for i, a in enumerate(distinct) for b in distinct[i:]}
    by_pair |= {(b, a): value for (a, b), value in by_pair.items()}
    return [[0.0 if i == j else by_pair[a, b] for j, b in enumerate(rows)] for i, a in enumerate(rows)]
