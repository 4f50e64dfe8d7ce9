"""Figures of runs on the embedded world's proposals: ``python -m experiments.ucoder RUN... [--out FILE]``.

RUN are folders of ``experiment=ucoder model=minipy_roles proposer=minipy``, and of rivals that are trained on the
training split; see README.md.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from conself.minipy import splits
from experiments.metric_pools.judged import Judged
from experiments.ucoder.analyses import by_cluster_size, by_perplexity, lexical_diversity, theorem, topics
from experiments.ucoder.judged import by_chain, judged

BENCHMARKS = ("minipy", "minipy_validation")


def figures(folder: Path) -> dict[str, Any]:
    """Collect what a run says of itself, and of each round what its picks are worth."""
    results = json.loads((folder / "results.json").read_text())
    rounds = results.get("rounds") or [results]
    return {
        "run": folder.name,
        "proposed": results.get("proposed"),
        "best_round": results.get("best_round"),
        "benchmarks": {name: _answers(results["benchmarks"][name]) for name in BENCHMARKS},
        "rounds": [_round(folder, number, found) for number, found in enumerate(rounds, 1)],
    }


def _answers(found: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("fixed", "broken", "p", "difference")
    return {"base": found["base"]["pass@1"], "tuned": found["tuned"]["pass@1"], **{name: found[name] for name in kept}}


def _round(folder: Path, number: int, found: Mapping[str, Any]) -> dict[str, Any]:
    artifacts = _artifacts(folder, number)
    pools, unread = judged(artifacts, by_chain)
    return {
        "targets": found["pairs"],
        "pass@1": {name: found["benchmarks"][name]["tuned"]["pass@1"] for name in BENCHMARKS},
        "pool": {"chains": len(pools), "no chain": unread, "right": _mean([pool.rate for pool in pools])},
        "picks": picked(artifacts / "pair" / "pairs.parquet", pools),
        "by perplexity": by_perplexity(pools),
        "largest cluster right, by its share": by_cluster_size(pools),
        "theorem 2.4": theorem(pools),
    }


def _artifacts(folder: Path, number: int) -> Path:
    """Return the folder of a round; a run of a single one has no folders of rounds."""
    several = folder / "artifacts" / f"round{number}"
    return several if several.is_dir() else folder / "artifacts"


def picked(pairs: Path, pools: list[Judged]) -> dict[str, float]:
    """Compute the share of golden targets, of those whose task is a chain.

    A target is golden if the chosen program is right, and the rejected one, if there is one, is wrong.
    """
    passed = {pool.pool.problem.id: pool.passed for pool in pools}
    rows = _rows(pairs, ["problem_id", "chosen_index", "rejected_index"])
    targets = [(passed[row["problem_id"]], row) for row in rows if row["problem_id"] in passed]
    winners = [right[row["chosen_index"]] for right, row in targets]
    golden = [right[row["chosen_index"]] and not _right(right, row["rejected_index"]) for right, row in targets]
    return {"n": len(targets), "winner right": _mean(winners), "golden": _mean(golden)}


def _right(passed: Sequence[bool], index: int | None) -> bool:
    return index is not None and passed[index]


def _rows(path: Path, columns: list[str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(path, columns=columns).to_pylist()
    return found


def _mean(values: list[float] | list[bool]) -> float:
    return sum(values) / max(len(values), 1)


def proposals(folder: Path) -> dict[str, Any]:
    """Describe the problems of a run's model beside as many of the training split."""
    rows = _rows(folder / "artifacts" / "propose" / "proposals.parquet", ["category", "topic", "reason"])
    pools, _ = judged(_artifacts(folder, 1), by_chain)
    own = [pool.pool.problem.statement.partition("\n\n")[0] for pool in pools]
    given = [problem.statement for problem, _ in list(splits.split("train", 800, 0))[: len(own)]]
    return {
        "topics": topics(rows),
        "lexical diversity": {"proposed": lexical_diversity(own), "training split": lexical_diversity(given)},
    }


def main() -> None:
    """Collect, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("results.json"))
    args = parser.parse_args()
    found: dict[str, Any] = {"proposals": proposals(args.runs[0]), "runs": [figures(folder) for folder in args.runs]}
    args.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for run in found["runs"]:
        picks = [f"{each['targets']} targets, {each['picks']['golden']:.3f} golden" for each in run["rounds"]]
        print(run["run"], {name: each["tuned"] for name, each in run["benchmarks"].items()}, *picks, sep="  ")


if __name__ == "__main__":
    main()
