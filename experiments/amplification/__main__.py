"""What more inputs are worth on pools with verdicts: the rule is chosen on some pools, and read once on others.

``python -m experiments.amplification choose=RUN,RUN read=RUN,RUN [ceiling=RUN,RUN] [out=DIR]`` with run folders of
``conself.score`` or ``conself.train`` jobs of ``amplification=mutations`` writes results.json and table.md beside this
file, or into DIR. A ceiling is a job on a file of :mod:`experiments.amplification.ceiling`, in a folder of the pool's
name and ``_ceiling``.
"""

import json
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

from hydra.utils import instantiate

from conself.runtime.console import new_console
from conself.runtime.places import make_folder
from conself.runtime.progress import working
from experiments.amplification.figures import OWN, pool_figures, quick_figures
from experiments.amplification.table import markdown
from experiments.amplification.tried import Rule, Tried, tried_pool
from experiments.metric_pools.figures import PAPER, Parts
from experiments.metric_pools.judged import run_pool
from experiments.metric_pools.run import configured, plain

HERE = Path(__file__).parent
METRICS = (PAPER, "partial_semantic_entropy", "kappa_disagreement")
RANKINGS = ("consensus", "largest_cluster", "kappa")
BUDGETS, SHARES = (10, 30, 50), (0.3, 0.5, 0.7, 1.0)
SEED = 0
NEEDED = {"choose", "read"}
USAGE = "usage: python -m experiments.amplification choose=RUN,RUN read=RUN,RUN [ceiling=RUN,RUN] [out=DIR]"


def grid() -> list[Rule]:
    """Own inputs, and every rule that is tried on the pools that one is chosen on."""
    return [OWN, *(Rule(*each) for each in product(BUDGETS, SHARES, (False, True)))]


def main(words: list[str]) -> None:
    """Choose a rule on some pools, read both variants of it on the others, write all figures.

    Raises:
        SystemExit: the words are not those of the usage, or a folder cannot be read or made.
    """
    given = dict(word.split("=", 1) for word in words if "=" in word)
    if len(given) < len(words) or not NEEDED <= given.keys() <= NEEDED | {"ceiling", "out"}:
        raise SystemExit(USAGE)
    try:
        out = make_folder(Path(given.get("out", HERE)), "out")
        with working(new_console(stderr=True), "rules of admission"):
            found = worked_out(*(given.get(key, "").split(",") for key in ("choose", "read", "ceiling")))
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None
    (out / "results.json").write_text(json.dumps(plain(found), indent=1) + "\n")
    (out / "table.md").write_text(markdown(found))
    print((out / "table.md").read_text())


def worked_out(choose: Sequence[str], read: Sequence[str], ceiling: Sequence[str]) -> dict[str, Any]:
    """The chosen rule, and the figures of each pool under own inputs, the rule and its other variant."""
    ceilings = {Path(run).name.removesuffix("_ceiling"): run_pool(Path(run)) for run in ceiling if run}
    config = configured()
    comparison = instantiate(config.comparison)
    parts = Parts(
        {name: instantiate(config.metrics[name]) for name in METRICS},
        {name: instantiate(config.rankings[name]) for name in RANKINGS},
        instantiate(config.ranking),
        instantiate(config.pairing),
    )
    choosing, reading = ({Path(run).name: tried_pool(Path(run), comparison) for run in runs} for runs in (choose, read))
    scores = {rule: means([quick_figures(pool, rule, parts) for pool in choosing.values()]) for rule in grid()}
    best = max(grid()[1:], key=lambda rule: scores[rule])
    rules = [OWN, *(Rule(best.budget, best.crash_share, only_splitting) for only_splitting in (False, True))]

    def figures(pools: dict[str, list[Tried]]) -> dict[str, Any]:
        return {name: pool_figures(pool, rules, parts, SEED, ceilings.get(name, ())) for name, pool in pools.items()}

    return {
        "rule": best.name,
        "scores": {rule.name: score for rule, score in scores.items()},
        "chosen_on": figures(choosing),
        "read": figures(reading),
    }


def means(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Of several pools the mean of each figure: winners that are right count first, then the Spearman."""
    return sum(right for right, _ in pairs) / len(pairs), sum(spearman for _, spearman in pairs) / len(pairs)


if __name__ == "__main__":
    main(sys.argv[1:])
