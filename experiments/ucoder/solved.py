"""How many proposed problems can be solved: ``python -m experiments.ucoder.solved RUN``.

RUN is the folder of a run of ``experiment=ucoder`` with a real model. ``references.py`` has solutions by the ids of
problems, written by hand after reading the tasks; problems without one are left out.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir

import conself.app.job  # noqa: F401  # its resolvers are named in conf/
from conself.rankings.ranked import Ranking
from conself.records import Problem
from conself.runtime.config_folder import CONF
from conself.runtime.parts import build
from experiments.metric_pools.judged import Judged
from experiments.ucoder.judged import Reference, judged
from experiments.ucoder.references import REFERENCES

RANKINGS = ("reliable_cluster", "likeliest", "largest_cluster", "first")


def reference_of(problem: Problem) -> Reference | None:
    """Return the solution of a problem by its id, which is a hash of its content."""
    return REFERENCES.get(problem.id)


def rankings() -> dict[str, Ranking]:
    """Build the rankings of ``conf/ranking`` that are compared."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return {name: build(compose("train", [f"ranking={name}"]).ranking, Ranking) for name in RANKINGS}


def figures(pools: Sequence[Judged], compared: Mapping[str, Ranking]) -> dict[str, Any]:
    """Compute the share of right programs, and those of problems with any, and with a right winner by each ranking."""
    picks = {name: [_winner(pool, ranking) for pool in pools] for name, ranking in compared.items()}
    return {
        "problems": len(pools),
        "programs right": _mean([pool.rate for pool in pools]),
        "solvable": _mean([any(pool.passed) for pool in pools]),
        "winner right": {name: _mean([right is True for right in found]) for name, found in picks.items()},
        "no winner": {name: sum(right is None for right in found) for name, found in picks.items()},
    }


def _winner(pool: Judged, ranking: Ranking) -> bool | None:
    ranked = ranking(pool.pool, pool.agreed, None)
    return pool.passed[ranked.solutions[0]] if ranked.solutions else None


def _mean(values: Sequence[float] | Sequence[bool]) -> float:
    return sum(values) / max(len(values), 1)


def main() -> None:
    """Judge, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, metavar="RUN")
    args = parser.parse_args()
    try:
        pools, unread = judged(args.run / "artifacts", reference_of)
    except OSError as error:
        parser.exit(2, f"error: {error}\n")
    print(json.dumps({**figures(pools, rankings()), "without a reference": unread}, indent=1))


if __name__ == "__main__":
    main()
