"""From traces to agreement: comparison keys, clusters and semantic entropy (docs/method.md#clusters).

Everything is pure over ``keys``: K rows (candidates) of M comparison keys (inputs), None where the execution
crashed. CRASH is a single value: its reason is not part of a trace.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

from conself.agreement.comparison import Comparison
from conself.agreement.passing_matrix import PassingMatrix
from conself.records import Pool, Status

Keys = Sequence[Sequence[str | None]]

_LONGEST = 64  # characters of a key; of a longer one the hash tells as much


@dataclass(frozen=True)
class Agreement:
    """The agreement of the K candidates of one problem; computed once, shared by metrics, rankings and analysis.

    Attributes:
        keys: K x M comparison keys, None = CRASH.
        crashed: K flags, CRASH on all inputs.
        clusters: groups of live candidate indices with equal traces, largest first, then lowest index.
        passing: which candidate passes which generated test; None without such tests.
    """

    keys: tuple[tuple[str | None, ...], ...]
    crashed: tuple[bool, ...]
    clusters: tuple[tuple[int, ...], ...]
    passing: PassingMatrix | None = None

    @property
    def n_alive(self) -> int:
        """The number of candidates that did not crash on all inputs."""
        return len(self.crashed) - sum(self.crashed)

    def cluster_of(self, index: int) -> tuple[int, ...]:
        """Return the candidates with the same trace as a live candidate, itself included; ValueError if it crashed."""
        for cluster in self.clusters:
            if index in cluster:
                return cluster
        raise ValueError(f"candidate {index} crashed on all inputs, so it is in no cluster; ask for a live one")


def agreement_of(keys: Keys) -> Agreement:
    """Compute the agreement among K traces of M comparison keys each."""
    return Agreement(tuple(tuple(row) for row in keys), tuple(crashed(keys)), tuple(clusters(keys)))


def trace_keys(pool: Pool, comparison: Comparison) -> list[list[str | None]]:
    """Compute the K x M comparison keys of a pool, None = CRASH (every status but OK), input by input.

    Each distinct value of an input is compared once. An unreadable output gets a unique key: it equals no other output
    of any candidate or input. A key of more than 64 characters is replaced by its hash: keys only distinguish outputs,
    and are kept on disk.

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
    """Return K flags: CRASH on all inputs (also true without any input, as no behaviour was shown)."""
    return [all(cell is None for cell in row) for row in keys]


def clusters(keys: Keys) -> list[tuple[int, ...]]:
    """Group the indices of live candidates by equal trace (Eq. 1), largest group first, then lowest index."""
    groups: dict[tuple[str | None, ...], list[int]] = {}
    for index, (row, is_crashed) in enumerate(zip(keys, crashed(keys), strict=True)):
        if not is_crashed:
            groups.setdefault(tuple(row), []).append(index)
    return sorted((tuple(group) for group in groups.values()), key=lambda group: (-len(group), group[0]))


def semantic_entropy(sizes: Sequence[int]) -> float:
    """Compute the Shannon entropy, in nats, of clusters of these sizes (Eq. 2); exactly 0.0 for one cluster.

    Raises:
        ValueError: there is no cluster, or an empty one.
    """
    if not sizes or min(sizes) < 1:
        raise ValueError(f"entropy needs at least one cluster, none of them empty; got sizes {list(sizes)}")
    total = sum(sizes)
    return sum(size / total * math.log(total / size) for size in sorted(sizes))
