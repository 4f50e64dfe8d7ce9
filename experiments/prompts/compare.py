"""Two sets of answers on the problems that both have: pass rates, problems solved, behaviours, and paired differences.

``python -m experiments.prompts.compare FIRST SECOND``: each the run folder of ``conself.score`` on a pool with
verdicts, or a wording's file of ``experiments.prompts`` (``wordings/NAME.json``), which holds no behaviours.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from conself.records import Verdict
from experiments.metric_pools.judged import run_pool
from experiments.prompts.figures import differences


def read(path: Path) -> tuple[dict[str, Verdict], dict[str, int]]:
    """Verdicts and, from a folder, numbers of distinct behaviours, by problem id.

    Raises:
        OSError: there is no such file, or the run was not judged.
        ValueError: it is no wording's file.
    """
    if path.is_dir():
        pools = {each.pool.problem.id: each for each in run_pool(path)}
        verdicts = {name: Verdict(name, "", each.passed) for name, each in pools.items()}
        return verdicts, {name: len(each.agreed.clusters) for name, each in pools.items()}
    rows = json.loads(path.read_text())
    if not isinstance(rows, dict) or "verdicts" not in rows:
        raise ValueError(f"{path} is no wording's file of experiments.prompts")
    return {row["problem_id"]: Verdict(row["problem_id"], "", tuple(row["passed"])) for row in rows["verdicts"]}, {}


def solved(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The same problems with one answer each: whether any was right."""
    return [Verdict(each.problem_id, each.difficulty, (any(each.passed),)) for each in verdicts]


def lines(
    names: Sequence[str], sides: Sequence[Mapping[str, Verdict]], counts: Sequence[Mapping[str, int]]
) -> list[str]:
    """What both are like on the problems that they share, in the first one's order, and how the second differs."""
    shared = [name for name in sides[0] if name in sides[1]]
    both = [[side[name] for name in shared] for side in sides]
    found = [f"{len(shared)} problems in both"]
    for name, verdicts, count in zip(names, both, counts, strict=True):
        rate = sum(sum(each.passed) / len(each.passed) for each in verdicts) / len(shared)
        of_any = sum(any(each.passed) for each in verdicts) / len(shared)
        more = f", {sum(count[n] for n in shared) / len(shared):.2f} behaviours per problem" if count else ""
        found.append(f"{name}: {rate:.3f} of the answers right, {of_any:.3f} of the problems solved{more}")
    for what, (first, second) in {"answers right": both, "problems solved": list(map(solved, both))}.items():
        gap = differences(first, second)["difference"]
        found.append(f"{what}, second less first: {gap['mean']:+.3f} ({gap['low']:+.3f} ... {gap['high']:+.3f})")
    return found


def main(words: Sequence[str]) -> None:
    """Print the lines.

    Raises:
        SystemExit: not two places were given, one cannot be read, or they share no problem.
    """
    if len(words) != 2:
        raise SystemExit("usage: python -m experiments.prompts.compare FIRST SECOND")
    try:
        sides = [read(Path(word)) for word in words]
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None
    if not set(sides[0][0]) & set(sides[1][0]):
        raise SystemExit("error: the two have no problem in common")
    print("\n".join(lines(words, [side[0] for side in sides], [side[1] for side in sides])))


if __name__ == "__main__":
    main(sys.argv[1:])
