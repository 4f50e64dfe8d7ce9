"""Which metric foretells success, which selector chooses well: on pools on which rules were chosen, and on others.

``python -m experiments.metric_pools.run pools=KIND:RUN,KIND:RUN,... [out=DIR]`` with run folders of ``conself.train``,
or of ``conself.score`` on a pool with verdicts, writes results.json and table.md beside this file, or into DIR.
Pools of one model or one data set are of one KIND. The golden pool comes along where it lies beside the checkout.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

import conself.app.job  # noqa: F401  # its resolvers are named in conf/
from conself.metrics.metric import Metric
from conself.pairings.build import pairs_of
from conself.runtime.console import new_console
from conself.runtime.places import make_folder
from conself.runtime.progress import working
from conself.sandbox.terminal import answer_interrupts
from experiments.metric_pools import golden
from experiments.metric_pools.figures import (
    PAPER,
    Parts,
    band_size,
    golden_figures,
    metric_figures,
    selector_figures,
    values_of,
)
from experiments.metric_pools.judged import Judged, golden_pool, parts, run_pool
from experiments.metric_pools.report import markdown

HERE = Path(__file__).parent
CONF = HERE.parents[1] / "conf"
TAUS = (0.3, 0.6)
LEAST = 60
"""Problems in a part of a pool that is reported by itself."""
SLOW = ("naive_semantic_entropy",)
"""It needs a model."""


def configured(*words: str) -> DictConfig:
    """A run's config with a few choices on top."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", list(words))


def all_metrics() -> dict[str, Metric]:
    """Every metric of conf/metric, as configured there."""
    names = sorted(path.stem for path in (CONF / "metric").glob("*.yaml") if path.stem not in SLOW)
    return {name: instantiate(configured(f"metric={name}").metric) for name in names}


def figures(problems: list[Judged], given: Parts) -> dict[str, Any]:
    """All figures of one pool."""
    metrics, values = given.metrics, values_of(given.metrics, problems)
    paired = [pairs_of(p.pool, p.agreed, given.ranking, given.pairing).pairs for p in problems]
    counts = [band_size(values[PAPER], paired, tau) for tau in TAUS]
    return {
        "metrics": metric_figures(values, problems, seed=0),
        "selectors": selector_figures(problems, given.rankings, seed=0),
        "pairs": dict(zip(map(str, TAUS), counts, strict=True)),
        "golden": golden_figures(values, problems, paired, counts),
        "parts": {
            name: metric_figures(values_of(metrics, part), part, seed=0)
            for name, part in parts(problems, LEAST).items()
        },
    }


def plain(node: Any) -> Any:
    """The same with null where there is no number: JSON knows no nan."""
    if isinstance(node, dict):
        return {key: plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    return None if isinstance(node, float) and math.isnan(node) else node


def main(words: list[str]) -> None:
    """Read the pools, work out the figures, write them.

    Raises:
        SystemExit: the words are not those of the usage, ``out`` can't be a folder, or a run was not judged.
    """
    given = dict(word.split("=", 1) for word in words if "=" in word)
    named = [item.partition(":")[::2] for item in given.get("pools", "").split(",")]
    if len(given) < len(words) or not {"pools"} <= given.keys() <= {"pools", "out"} or not all(map(all, named)):
        raise SystemExit("usage: python -m experiments.metric_pools.run pools=KIND:RUN,KIND:RUN,... [out=DIR]")
    if len({(kind, Path(run).name) for kind, run in named}) < len(named):
        raise SystemExit(
            "error: two runs of one KIND have folders of one name; rename a folder, or give it another KIND"
        )
    answer_interrupts()
    try:
        out = make_folder(Path(given.get("out", HERE)), "out")
        sources = {f"{kind}, {Path(run).name}": run_pool(Path(run)) for kind, run in named}
    except OSError as error:
        raise SystemExit(f"error: {error}") from None
    config = configured()
    rankings = {name: instantiate(node) for name, node in config.rankings.items()}
    compared = Parts(all_metrics(), rankings, *(instantiate(config[name]) for name in ("ranking", "pairing")))
    with working(new_console(stderr=True), "metrics on pools"):
        found = _found(sources, compared)
    (out / "results.json").write_text(json.dumps(plain(found), indent=1) + "\n")
    (out / "table.md").write_text(markdown(found))
    print((out / "table.md").read_text())


def _found(sources: dict[str, list[Judged]], given: Parts) -> dict[str, Any]:
    found = {}
    if golden.FOLDER.is_dir():
        found["CodeGen-16B, HumanEval"] = figures(golden_pool(), given)
    for name, problems in sources.items():
        found[name] = figures(problems, given)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
