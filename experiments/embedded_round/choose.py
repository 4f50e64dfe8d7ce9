"""Hyper-parameters of the embedded world, chosen on its validation split by a rule that favours no method.

``python -m experiments.embedded_round.choose``: learning rate and beta by the mean validation pass@1 of ConSelf and
Self-DPO, then tau and the number of epochs at those, tau on ConSelf (Self-DPO has none), epochs again on both.
"""

import argparse
import json
from collections import defaultdict
from pathlib import Path

from conself.runtime.places import make_folder
from experiments.embedded_round.jobs import Finished, sweep

VALIDATION = ("benchmark.minipy.split=validation", "benchmark.minipy.size=600")
BOTH = "experiment=conself,self_dpo"


def tuned(job: Finished) -> float:
    """Validation pass@1 after training."""
    return float(job.results["benchmarks"]["minipy"]["tuned"]["pass@1"])


def means(jobs: list[Finished], *keys: str) -> dict[str, float]:
    """Mean validation pass@1 over the jobs that share the values of ``keys``."""
    groups = defaultdict(list)
    for job in jobs:
        groups[" ".join(f"{key}={job.overrides[key]}" for key in keys)].append(tuned(job))
    return {name: sum(values) / len(values) for name, values in groups.items()}


def best(table: dict[str, float]) -> list[str]:
    """The overrides of the highest mean; the first of equals."""
    return max(table, key=lambda name: table[name]).split()


def main() -> None:
    """Run the three sweeps and write choose.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=Path, default=Path("runs/choose"))
    arguments = parser.parse_args()
    try:
        make_folder(arguments.runs, "--runs")
    except OSError as error:
        parser.error(str(error))
    rates = ["training.learning_rate=5e-4,1e-3,2e-3", "beta=0.2,0.5,1.0"]
    first = sweep(arguments.runs / "rates", [BOTH, *rates, "tau=0.6", "training.epochs=2", *VALIDATION])
    by_rate = means(first, "training.learning_rate", "beta")
    chosen = best(by_rate)
    second = sweep(arguments.runs / "epochs", [BOTH, *chosen, "tau=0.6", "training.epochs=1,2,4", *VALIDATION])
    by_epochs = means(second, "training.epochs")
    chosen += best(by_epochs)
    third = sweep(arguments.runs / "tau", ["experiment=conself", *chosen, "tau=0.4,0.6,0.8", *VALIDATION])
    by_tau = means(third, "tau")
    report = {
        "validation pass@1 before training": first[0].results["benchmarks"]["minipy"]["base"]["pass@1"],
        "by learning rate and beta (mean of ConSelf and Self-DPO)": by_rate,
        "each": means(first, "experiment", "training.learning_rate", "beta"),
        "by epochs (mean of ConSelf and Self-DPO)": by_epochs,
        "by tau (ConSelf)": by_tau,
        "chosen": [*chosen, *best(by_tau)],
    }
    path = Path(__file__).parent / "choose.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(path.read_text())


if __name__ == "__main__":
    main()
