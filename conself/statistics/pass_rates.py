"""pass@k over the problems of a benchmark, with bootstrap intervals, and whether two models differ on them.

Everything is resampled over problems: they are the sample, whose size determines the uncertainty of a figure. The
resampling is seeded by the values themselves, so that the same verdicts always give the same interval, in any order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb
from statistics import stdev
from typing import TYPE_CHECKING

from conself.records import Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 10_000
USUAL_KS = (1, 10, 100)
_AT_ONCE = 2_000_000  # numbers: 16 MB, however many problems there are
_DIGITS = 12  # means are rounded, because sums that differ in order must tie with one another and with 0
_NAMED = 5  # problems that a message names


@dataclass(frozen=True)
class Estimate:
    """A mean over problems and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def pass_at_k(n: int, c: int, k: int) -> float:
    """Estimate pass@k without bias from n samples of which c pass: 1 - C(n - c, k) / C(n, k).

    Raises:
        ValueError: not 0 <= c <= n, or not 1 <= k <= n.
    """
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError(f"pass@k needs 0 <= c <= n and 1 <= k <= n, got n={n}, c={c}, k={k}; sample at least k")
    return 1.0 - comb(n - c, k) / comb(n, k)


def pass_rates(verdicts: Sequence[Verdict], k: int) -> list[float]:
    """Estimate pass@k of each problem, in order; problems may have different numbers of answers.

    Raises:
        ValueError: k is below 1, or a problem has fewer than k answers, which would bias the mean if it were left out.
    """
    if k < 1:
        raise ValueError(f"pass@k needs k of at least 1, got {k}")
    if few := [v.problem_id for v in verdicts if len(v.passed) < k]:
        raise ValueError(
            f"pass@{k} needs {k} answers to each problem, but {_some(few)} have fewer; "
            f"draw more (decoder.n={k} or more), give the missing ones, or ask for a smaller k"
        )
    return [pass_at_k(len(v.passed), sum(v.passed), k) for v in verdicts]


def usual_ks(verdicts: Sequence[Verdict]) -> list[int]:
    """Return those of k = 1, 10, 100 for which every problem has enough answers."""
    least = min((len(v.passed) for v in verdicts), default=0)
    return [k for k in USUAL_KS if k <= least]


def estimate(values: Sequence[float]) -> Estimate:
    """Compute the mean of one value per problem, with its 95 % percentile bootstrap interval over problems.

    If all values are the same the interval is that value: resampling cannot produce unseen values.

    Raises:
        ValueError: no values.
    """
    import numpy as np

    means = _resampled_means(values)
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(float(np.mean(np.asarray(values, dtype=np.float64))), float(low), float(high))


def _resampled_means(values: Sequence[float]) -> NDArray[np.float64]:
    """Compute the mean of each of ``RESAMPLES`` draws of as many problems, with replacement. Shape [RESAMPLES].

    The counts of distinct values in a draw are multinomial, so a draw needs one number per distinct value (two for one
    answer per problem), not one per problem.
    """
    import numpy as np

    if not values:
        raise ValueError("an interval needs at least one problem; the benchmark is empty")
    levels, counts = np.unique(np.asarray(values, dtype=np.float64), return_counts=True)
    digest = hashlib.sha256(levels.astype("<f8").tobytes() + counts.astype("<i8").tobytes()).digest()
    generator = np.random.default_rng(int.from_bytes(digest, "little"))
    size = max(1, _AT_ONCE // len(levels))
    parts = [
        generator.multinomial(len(values), counts / len(values), size=min(size, RESAMPLES - first)) @ levels
        for first in range(0, RESAMPLES, size)
    ]
    return np.round(np.concatenate(parts) / len(values), _DIGITS)


@dataclass(frozen=True)
class Paired:
    """Two models on the same problems.

    ``fixed`` and ``broken`` count the problems on which the second passes more, and less, often than the first;
    ``difference`` is that of pass@1, second minus first, and ``error`` its standard error over problems, None for one
    problem; ``p`` is two-sided, by the ``test`` named.
    """

    fixed: int
    broken: int
    difference: Estimate
    error: float | None
    p: float
    test: str


def paired(first: Sequence[Verdict], second: Sequence[Verdict]) -> Paired:
    """Test whether the second model does better than the first on the same problems.

    With one answer each the test is McNemar's, exact; else a bootstrap of the difference over problems, whose p is
    twice the smaller share of resampled differences on either side of 0 (each share counts the data itself once).

    Raises:
        ValueError: the two are not of the same problems; names those that only one has. A problem has no answer.
    """
    rates = dict(zip(_ids(first), pass_rates(first, 1), strict=True))
    after = dict(zip(_ids(second), pass_rates(second, 1), strict=True))
    if one_sided := [
        f"{_some([i for i in a if i not in b])} only in the {name}"
        for name, a, b in (("first", rates, after), ("second", after, rates))
        if a.keys() - b.keys()
    ]:
        raise ValueError(f"a comparison needs the same problems twice: {', '.join(one_sided)}")
    differences = [after[i] - rates[i] for i in rates]
    fixed, broken = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    difference = estimate(differences)
    error = stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else None
    if all(len(v.passed) == 1 for v in (*first, *second)):
        from scipy.stats import binomtest

        p = float(binomtest(fixed, fixed + broken).pvalue) if fixed + broken else 1.0
        return Paired(fixed, broken, difference, error, p, "exact McNemar")
    means = _resampled_means(differences)
    least = min(int((means <= 0).sum()), int((means >= 0).sum()))
    p = min(1.0, 2 * (least + 1) / (RESAMPLES + 1))
    return Paired(fixed, broken, difference, error, p, "paired bootstrap")


def _ids(verdicts: Sequence[Verdict]) -> list[str]:
    ids = [v.problem_id for v in verdicts]
    if len(set(ids)) < len(ids):
        twice = sorted({i for i in ids if ids.count(i) > 1})
        raise ValueError(f"twice among the verdicts: {_some(twice)}; keep one line per problem")
    return ids


def _some(ids: Sequence[str]) -> str:
    names = ", ".join(ids[:_NAMED])
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return f"{len(ids)} problem{'s' * (len(ids) > 1)} ({names}{more})"
