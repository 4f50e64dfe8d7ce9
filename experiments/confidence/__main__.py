"""Leave one pool out: a confidence is fitted on all pools but one, and held against the verdicts of that one.

``python -m experiments.confidence pools=NAME:RUN,NAME:RUN,... [out=DIR]`` with run folders of ``conself.score`` or
``conself.train`` jobs of ``amplification=mutations``. Pools of one NAME have one model and its problems in common, and
are left out together. Writes results.json, table.md, and fitted.yaml (fitted on all:
``conf/statistics/confidence/pools.yaml``).
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import OmegaConf

from conself.runtime.console import new_console
from conself.runtime.places import make_folder
from conself.runtime.progress import working
from conself.statistics.confidence import Confidence, fitted
from experiments.amplification.figures import OWN
from experiments.amplification.tried import tried_pool, under
from experiments.confidence.figures import held, judged_triples
from experiments.metric_pools.judged import Judged, run_pool
from experiments.metric_pools.run import configured, plain

HERE = Path(__file__).parent
SEED = 0
Pools = Mapping[str, Mapping[str, Sequence[Judged]]]
"""Name of a pool -> own inputs or amplified -> its problems."""


def read(run: Path, comparison: Any) -> dict[str, list[Judged]]:
    """A pool on its own inputs, and on those that the job has kept."""
    own, _ = under(tried_pool(run, comparison), OWN)
    return {"own": own, "amplified": run_pool(run)}


def left_out(pools: Pools, sources: Mapping[str, str], name: str) -> tuple[Confidence, float]:
    """What all pools of other sources give: a confidence, and the share of programs that are right."""
    others = {pool: versions for pool, versions in pools.items() if sources[pool] != sources[name]}
    seen = {f"{pool}, {v}": judged_triples(rows) for pool, versions in others.items() for v, rows in versions.items()}
    rates = [sum(p.rate for p in versions["own"]) / len(versions["own"]) for versions in others.values()]
    return fitted(seen), sum(rates) / len(rates)


def main(words: list[str]) -> None:
    """Fit, hold out, write.

    Raises:
        SystemExit: the words are not those of the usage, or a folder cannot be read or made.
    """
    given = dict(word.split("=", 1) for word in words if "=" in word)
    named = [item.partition(":")[::2] for item in given.get("pools", "").split(",")]
    if len(given) < len(words) or not {"pools"} <= given.keys() <= {"pools", "out"} or not all(map(all, named)):
        raise SystemExit("usage: python -m experiments.confidence pools=NAME:RUN,NAME:RUN,... [out=DIR]")
    try:
        out = make_folder(Path(given.get("out", HERE)), "out")
        with working(new_console(stderr=True), "confidence"):
            found, whole = worked_out([(name, Path(run)) for name, run in named])
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None
    (out / "results.json").write_text(json.dumps(plain(found), indent=1) + "\n")
    (out / "table.md").write_text(markdown(found))
    node = {"_target_": "conself.statistics.confidence.Confidence", "intercept": whole.intercept}
    OmegaConf.save({**node, "weights": dict(whole.weights), "fitted_on": list(whole.fitted_on)}, out / "fitted.yaml")
    print((out / "table.md").read_text())


def worked_out(named: Sequence[tuple[str, Path]]) -> tuple[dict[str, Any], Confidence]:
    """Figures per pool and version of its inputs, and the confidence that all pools together give."""
    config = configured()
    comparison, ranking = instantiate(config.comparison), instantiate(config.ranking)
    pools = {run.name: read(run, comparison) for _, run in named}
    sources = {run.name: name for name, run in named}
    found: dict[str, Any] = {}
    for name, versions in pools.items():
        part, rate = left_out(pools, sources, name)
        found[name] = {version: held(rows, part, rate, ranking, SEED) for version, rows in versions.items()}
    every = {f"{pool}, {v}": judged_triples(rows) for pool, versions in pools.items() for v, rows in versions.items()}
    return found, fitted(every)


def markdown(found: Mapping[str, Any]) -> str:
    """A line per pool and version of its inputs."""
    heads = ("pool", "inputs", "right", "Brier", "of a constant", "of R", "AUROC", "of R", "ECE", "of R")
    lines = [_row(heads), _row(["---"] * len(heads))]
    curves = ["", _row(("pool", "inputs", *_ANSWERED)), _row(["---"] * (2 + len(_ANSWERED)))]
    for name, versions in found.items():
        for version, row in versions.items():
            briers = [f"{row['brier']['confidence'][0]:.4f}", *(_beaten(row, other) for other in ("constant", "R"))]
            aurocs = ["{:.3f} ({:.3f} ... {:.3f})".format(*row["auroc"][by]) for by in ("confidence", "R")]
            errors = [f"{row['calibration_error'][by]:.3f}" for by in ("confidence", "R")]
            lines.append(_row([name, version, f"{row['base_rate']:.3f}", *briers, *aurocs, *errors]))
            cells = [f"{row['abstention'][c][1]:.3f}, R {row['abstention_R'][c][1]:.3f}" for c in row["abstention"]]
            curves.append(_row([name, version, *cells]))
    return "\n".join([*lines, *curves, ""])


_ANSWERED = ("right of the surest 10 %", "25 %", "50 %", "of all with a winner")


def _beaten(row: Mapping[str, Any], other: str) -> str:
    """Another's Brier score, and how far the confidence's lies below; bold where the interval is without 0."""
    point, low, high = row["below"][other]
    text = f"{point:+.4f} ({low:+.4f} ... {high:+.4f})"
    return f"{row['brier'][other][0]:.4f}, " + (f"**{text}**" if low > 0 or high < 0 else text)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    main(sys.argv[1:])
