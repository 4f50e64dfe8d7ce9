"""Sampling that stops once the largest cluster leads for sure: how many samples, and whether the winner is right.

``python -m experiments.generated_tests.sequential --pool DIR [--out DIR]`` writes sequential.json and sequential.md.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from random import Random
from statistics import fmean
from typing import Any

from scipy.stats import binom

from conself.statistics.pass_rates import estimate
from experiments.generated_tests.pool import Judged, write_study

FIRST, STEP = 8, 4
"""Samples before the first look, and between looks."""
LEVELS = (0.4, 0.3, 0.2, 0.1, 0.05, 0.01)
MOST = (100, 48, 32)
"""Samples after which nobody goes on: what is undecided then is left undecided."""
ORDERS = 20
FIXED = (8, 12, 16, 20, 24, 32, 48)


def sizes(problem: Judged, samples: Sequence[int]) -> list[tuple[int, int]]:
    """The clusters of live samples: (size, the program of the first sample), largest first, then first drawn."""
    counts: Counter[tuple[str | None, ...]] = Counter()
    first: dict[tuple[str | None, ...], int] = {}
    for program in samples:
        trace = tuple(problem.keys[program])
        if any(cell is not None for cell in trace):
            counts[trace] += 1
            first.setdefault(trace, program)
    return [(count, first[trace]) for trace, count in counts.most_common()]


def separated(clusters: Sequence[tuple[int, int]], level: float) -> bool:
    """Whether two clusters of equal chances would differ so much with probability ``level`` at most.

    The exact binomial test of the largest against the second, at one look: looking again and again errs more often.
    """
    if not clusters:
        return False
    a, b = clusters[0][0], clusters[1][0] if len(clusters) > 1 else 0
    return bool(binom.sf(a - 1, a + b, 0.5) <= level)


def right(problem: Judged, samples: Sequence[int]) -> bool:
    """Whether the largest cluster's first program passes; where all crashed nothing does."""
    clusters = sizes(problem, samples)
    return bool(clusters) and problem.passed[clusters[0][1]]


def stopped(problem: Judged, order: Sequence[int], level: float, most: int) -> int:
    """The samples drawn when the test says to stop; ``most`` where it never does."""
    looks = range(FIRST, most, STEP)
    return next((n for n in looks if separated(sizes(problem, order[:n]), level)), most)


def orders(problem: Judged) -> list[list[int]]:
    """The samples in ``ORDERS`` orders, of which the first is the one drawn."""
    found = [list(problem.samples)]
    for number in range(1, ORDERS):
        seed = hashlib.sha256(f"{problem.id} {number}".encode()).hexdigest()
        found.append(Random(seed).sample(problem.samples, len(problem.samples)))
    return found


def figures(problems: Sequence[Judged]) -> dict[str, Any]:
    """Per rule the mean number of samples, winners that are right, and the difference from all samples."""
    shuffled = {p.id: orders(p) for p in problems}
    everything = {p.id: [right(p, order) for order in shuffled[p.id]] for p in problems}

    def row(counts: dict[str, list[int]]) -> dict[str, Any]:
        is_right = {
            p.id: [right(p, order[:n]) for order, n in zip(shuffled[p.id], counts[p.id], strict=True)] for p in problems
        }
        losses = [fmean(is_right[p.id]) - fmean(everything[p.id]) for p in problems]
        return {
            "samples": fmean(fmean(each) for each in counts.values()),
            "right": asdict(estimate([fmean(is_right[p.id]) for p in problems])),
            "difference": asdict(estimate(losses)),
        }

    sequential = {
        f"{level}, at most {most}": row(
            {p.id: [stopped(p, order, level, most) for order in shuffled[p.id]] for p in problems}
        )
        for most in MOST
        for level in LEVELS
    }
    fixed = {str(n): row({p.id: [n] * ORDERS for p in problems}) for n in FIXED}
    return {
        "problems": len(problems),
        "all": asdict(estimate([fmean(everything[p.id]) for p in problems])),
        "sequential": sequential,
        "fixed": fixed,
    }


def table(found: dict[str, Any]) -> str:
    """The same as Markdown."""
    lines = ["| rule | samples | winner right | difference from all |", "|---|---|---|---|"]
    lines.append(f"| all | 100 | {found['all']['mean']:.3f} | |")
    for name, rows in (("test at {}", found["sequential"]), ("the first {}", found["fixed"])):
        for key, row in rows.items():
            difference = row["difference"]
            lines.append(
                f"| {name.format(key)} | {row['samples']:.1f} | {row['right']['mean']:.3f} | {difference['mean']:+.4f} "
                f"[{difference['low']:+.4f}, {difference['high']:+.4f}] |"
            )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_study("sequential", __doc__, figures, table)
