"""From traces to agreement: clusters, semantic entropy and consensus scores (METHOD Eq. 1-2, Algorithm 2).

Everything is pure over ``keys``: K rows (candidates) of M comparison keys (inputs), None where the execution
crashed. CRASH is one value: its reason is no part of a trace.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from conself.agreement.comparison import Comparison
from conself.records import Pool, Status

Keys = Sequence[Sequence[str | None]]

TIE = 1e-12
"""Consensus scores closer than this are equal."""
_LONGEST = 64  # characters of a key; of a longer one the hash tells as much


@dataclass(frozen=True)
class Consensus:
    """What the K candidates of one problem agree on; computed once, shared by metrics, pairing and statistics.

    Attributes:
        keys: K x M comparison keys, None = CRASH.
        crashed: K flags, CRASH on all inputs.
        clusters: groups of live candidate indices with equal traces, largest first, then lowest index.
        scores: K consensus scores R in [0, 1].
        winner: index of the highest score, None when every candidate crashed.
    """

    keys: tuple[tuple[str | None, ...], ...]
    crashed: tuple[bool, ...]
    clusters: tuple[tuple[int, ...], ...]
    scores: tuple[float, ...]
    winner: int | None

    @property
    def n_alive(self) -> int:
        """The number of candidates that did not crash on all inputs."""
        return len(self.crashed) - sum(self.crashed)


def consensus(pool: Pool, comparison: Comparison) -> Consensus:
    """The agreement among a pool's candidates; raises ValueError as ``trace_keys`` does."""
    return consensus_of(trace_keys(pool, comparison))


def consensus_of(keys: Keys) -> Consensus:
    """The agreement among K traces of M comparison keys each."""
    scores = consensus_scores(keys)
    return Consensus(
        keys=tuple(tuple(row) for row in keys),
        crashed=tuple(crashed(keys)),
        clusters=tuple(clusters(keys)),
        scores=tuple(scores),
        winner=winner(scores),
    )


def trace_keys(pool: Pool, comparison: Comparison) -> list[list[str | None]]:
    """K x M comparison keys of a pool, None = CRASH (every status but OK), input by input.

    Each distinct value of an input is compared once. An output that cannot be read has a key of its own: it equals no
    other, of another candidate or on another input. A key of more than 64 characters is given as its hash: keys are for
    telling outputs apart, and are kept on disk.

    Raises:
        ValueError: there is not one trace per candidate, or not one outcome per input.
    """
    if len(pool.traces) != len(pool.candidates):
        raise ValueError(
            f"problem {pool.problem.id}: {len(pool.traces)} traces for {len(pool.candidates)} candidates; "
            "execute all candidates again"
        )
    for trace in pool.traces:
        if len(trace.outcomes) != len(pool.problem.inputs):
            raise ValueError(
                f"problem {pool.problem.id}: candidate {trace.index} has {len(trace.outcomes)} outcomes for "
                f"{len(pool.problem.inputs)} inputs; execute all candidates again"
            )
    is_stdout = pool.problem.entry_point is None
    rows: list[list[str | None]] = [[] for _ in pool.traces]
    for column in range(len(pool.problem.inputs)):
        outcomes = [trace.outcomes[column] for trace in pool.traces]
        values = list(dict.fromkeys(outcome.value for outcome in outcomes if outcome.status is Status.OK))
        keys = dict(zip(values, comparison.keys(values, is_stdout), strict=True))
        for number, (row, outcome) in enumerate(zip(rows, outcomes, strict=True)):
            if outcome.status is not Status.OK:
                row.append(None)
                continue
            key = keys[outcome.value]
            row.append(f"unreadable:{number}:{column}" if key is None else _short(key))
    return rows


def _short(key: str) -> str:
    if len(key) <= _LONGEST:
        return key
    return f"sha256:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"


def crashed(keys: Keys) -> list[bool]:
    """K flags: CRASH on all inputs (true as well of a candidate without any input: it showed no behaviour)."""
    return [all(cell is None for cell in row) for row in keys]


def clusters(keys: Keys) -> list[tuple[int, ...]]:
    """Indices of live candidates grouped by equal trace (Eq. 1), largest group first, then lowest index."""
    groups: dict[tuple[str | None, ...], list[int]] = {}
    for index, (row, is_crashed) in enumerate(zip(keys, crashed(keys), strict=True)):
        if not is_crashed:
            groups.setdefault(tuple(row), []).append(index)
    return sorted((tuple(group) for group in groups.values()), key=lambda group: (-len(group), group[0]))


def semantic_entropy(sizes: Sequence[int]) -> float:
    """Shannon entropy in nats over the shares of clusters of the given sizes (Eq. 2); exactly 0.0 for one cluster.

    Raises:
        ValueError: there is no cluster, or an empty one.
    """
    if not sizes or min(sizes) < 1:
        raise ValueError(f"entropy needs at least one cluster, none of them empty; got sizes {list(sizes)}")
    total = sum(sizes)
    return sum(size / total * math.log(total / size) for size in sorted(sizes))


def consensus_scores(keys: Keys) -> list[float]:
    """R(c_k) = mean over the M inputs of count(E_k[j] in V_j) / |V_j|, V_j the non-CRASH outputs on j (Algorithm 2).

    CRASH at j adds 0, so that crashed candidates score 0. Sums are exact fractions: equal scores are equal floats
    whatever the order of inputs.
    """
    columns = [Counter(cell for cell in column if cell is not None) for column in zip(*keys, strict=True)]
    totals = [sum(counts.values()) for counts in columns]
    known: dict[tuple[str | None, ...], float] = {}
    for row in map(tuple, keys):
        if row not in known:
            cells = zip(row, columns, totals, strict=True)
            shares = [Fraction(counts[cell], total) for cell, counts, total in cells if cell is not None]
            known[row] = float(sum(shares, Fraction(0)) / max(len(row), 1))
    return [known[tuple(row)] for row in keys]


def pseudo_test_scores(keys: Keys) -> list[float]:
    """The share of pseudo tests that each of K candidates passes: M inputs, each with the output that most give (PFPO).

    Votes are those of all candidates whose execution gave an output; of outputs with equally many, the one that the
    lowest index gives. An input on which every candidate crashes is no test; without any test all scores are 0.
    """
    votes = [Counter(cell for cell in column if cell is not None) for column in zip(*keys, strict=True)]
    expected = [counts.most_common(1)[0][0] if counts else None for counts in votes]
    tests = sum(cell is not None for cell in expected)
    agreeing = [sum(c is not None and c == e for c, e in zip(row, expected, strict=True)) for row in keys]
    return [count / tests if tests else 0.0 for count in agreeing]


def winner(scores: Sequence[float]) -> int | None:
    """Index of the highest score, the lowest index within ``TIE`` of it; None when all are 0 (all crashed)."""
    best = max(scores, default=0.0)
    if best <= 0:
        return None
    return next(index for index, score in enumerate(scores) if score >= best - TIE)


def losers(outcome: Consensus) -> list[int]:
    """Every index that scores strictly lower than the winner: live ones first, lowest score, lowest index."""
    if outcome.winner is None:
        return []
    ceiling = outcome.scores[outcome.winner] - TIE
    lower = [index for index, score in enumerate(outcome.scores) if score < ceiling]
    return sorted(lower, key=lambda index: (outcome.crashed[index], outcome.scores[index], index))
