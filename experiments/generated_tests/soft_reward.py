"""How well a reward made without labels follows the truth inside a group: tests, agreement, and both multiplied.

``python -m experiments.generated_tests.soft_reward --pool DIR [--out DIR]`` writes soft_reward.json and soft_reward.md.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np

from conself.agreement.matrix_rank import rational_rank
from conself.agreement.passing_matrix import PassingMatrix
from conself.rankings.b4 import b4_scores
from conself.rankings.by_tests import Scores, choose
from conself.rankings.codet import codet_scores
from conself.rankings.consensus import consensus_scores
from conself.rankings.max_pass import max_pass_scores
from conself.statistics.pass_rates import estimate
from experiments.generated_tests.pool import Judged, write_study

SIZES = ((8, 8), (15, 8), (15, 16))
"""Programs and tests of a group."""
AGAINST = "b4 (4, 3)"
WORTH = 1e-9
"""A correlation below it is no signal."""


@dataclass(frozen=True)
class Group:
    """Some samples of one problem, some tests of it, and what is right."""

    matrix: PassingMatrix
    consensus: list[float]
    consensus_tested: list[float]
    passed: list[bool]


def groups(problem: Judged, n: int, m: int) -> Iterator[Group]:
    """Disjoint blocks of ``n`` samples and ``m`` tests in the order drawn, with right and wrong ones and rank 2."""
    n_columns = len(problem.cells[0])
    for block in range(min(len(problem.samples) // n, n_columns // m)):
        programs = problem.samples[block * n : (block + 1) * n]
        cells = tuple(tuple(problem.cells[u][block * m : (block + 1) * m]) for u in programs)
        passed = [problem.passed[u] for u in programs]
        matrix = PassingMatrix(cells)
        if 0 < sum(passed) < n and rational_rank(matrix.passed) >= 2:
            yield Group(
                matrix,
                consensus_scores([problem.keys[u] for u in programs]),
                consensus_scores([problem.tested[u] for u in programs]),
                passed,
            )


def _selected(scores: Callable[[PassingMatrix], Scores]) -> Callable[[Group], list[float]]:
    def reward(group: Group) -> list[float]:
        best = choose(group.matrix, scores(group.matrix), least_passed=1, merge_ties=False).solutions
        return [float(index in best) for index in range(len(group.passed))]

    return reward


def _times(consensus: Callable[[Group], list[float]]) -> Callable[[Group], list[float]]:
    def reward(group: Group) -> list[float]:
        scores = codet_scores(group.matrix, 1)
        return [(score or 0.0) * r for score, r in zip(scores, consensus(group), strict=True)]

    return reward


REWARDS: dict[str, Callable[[Group], list[float]]] = {
    "k q x R": _times(lambda group: group.consensus),
    "k q x R, tests' inputs": _times(lambda group: group.consensus_tested),
    "k q": lambda group: [score or 0.0 for score in codet_scores(group.matrix, 1)],
    "R": lambda group: group.consensus,
    "R, tests' inputs": lambda group: group.consensus_tested,
    AGAINST: _selected(lambda matrix: b4_scores(matrix, 4, 3)),
    "codet": _selected(lambda matrix: codet_scores(matrix, 0.5)),
    "max_pass": _selected(max_pass_scores),
}


def correlation(reward: Sequence[float], passed: Sequence[bool]) -> float:
    """Pearson's; 0 where all rewards are equal: nothing is learned."""
    values = np.asarray(reward, dtype=np.float64)
    return 0.0 if np.ptp(values) == 0 else float(np.corrcoef(values, np.asarray(passed, dtype=np.float64))[0, 1])


def figures(problems: Sequence[Judged]) -> dict[str, Any]:
    """Per size and reward: the correlation, averaged within problems and then over them, and paired differences."""
    found = {}
    for n, m in SIZES:
        values: dict[str, dict[str, list[float]]] = defaultdict(dict)
        for problem in problems:
            if mixed := list(groups(problem, n, m)):
                for name, reward in REWARDS.items():
                    values[name][problem.id] = [correlation(reward(group), group.passed) for group in mixed]
        found[f"{n} x {m}"] = {
            "problems": len(values[AGAINST]),
            "groups": sum(map(len, values[AGAINST].values())),
            "rewards": {name: _row(values[name], values[AGAINST]) for name in REWARDS},
        }
    return found


def _row(values: dict[str, list[float]], against: dict[str, list[float]]) -> dict[str, Any]:
    every = [value for group in values.values() for value in group]
    return {
        "correlation": asdict(estimate([fmean(each) for each in values.values()])),
        "difference": asdict(estimate([fmean(values[name]) - fmean(against[name]) for name in values])),
        "no_or_adverse_signal": fmean(value < WORTH for value in every),
    }


def table(found: dict[str, Any]) -> str:
    """The same as Markdown."""
    lines = []
    for size, part in found.items():
        lines += [f"**{size}**: {part['groups']} groups of {part['problems']} problems", ""]
        lines += [f"| reward | correlation | against {AGAINST} | no or adverse signal |", "|---|---|---|---|"]
        for name, row in part["rewards"].items():
            one, other = row["correlation"], row["difference"]
            lines.append(
                f"| {name} | {one['mean']:.3f} [{one['low']:.3f}, {one['high']:.3f}] | {other['mean']:+.3f} "
                f"[{other['low']:+.3f}, {other['high']:+.3f}] | {row['no_or_adverse_signal']:.0%} |"
            )
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    write_study("soft_reward", __doc__, figures, table)
