"""Every method on the embedded world, over pre-training seeds and sampling seeds.

``python -m experiments.embedded_round.run --models FOLDER [FOLDER ...] --seeds 0 1 2`` writes results.json and
table.md beside this file. Each method runs on all its pairs; those without a filter run again on as many pairs as
ConSelf had ("matched"), since more pairs are more training steps.
"""

import argparse
import json
import os
import platform
from pathlib import Path
from typing import Any

from scipy import stats

from conself.runtime.places import make_folder
from experiments.embedded_round.jobs import Finished, sweep

METHODS = "experiment=conself,wo_cw,wo_cc,self_dpo,self_sft"
UNFILTERED = "experiment=wo_cc,self_dpo"
HERE = Path(__file__).parent


def row(job: Finished, model: str, seed: int, matched: bool) -> dict[str, Any]:
    """The figures of one job that the table shows."""
    found = job.results
    return {
        "pretraining_seed": model,
        "seed": seed,
        "method": job.overrides["experiment"] + (" (matched)" if matched else ""),
        "pairs": found["pairs"],
        "steps": found["training"]["steps"],
        "golden_rate": found["golden_rate"],
        "winner_accuracy": found["winner_accuracy"],
        **found["benchmarks"]["minipy"],
        "metrics": found["metrics"],
        "problems": found["problems"],
        "seconds": found["seconds"],
    }


def one(folder: Path, model: Path, seed: int) -> list[dict[str, Any]]:
    """All methods for one pre-trained model and one sampling seed."""
    training = json.loads((model / "training.json").read_text())
    name = str(training["seed"])
    words = [f"model.name={model}", f"seed={seed}"]
    first = sweep(folder / model.name / str(seed) / "all", [METHODS, *words])
    pairs = next(job.results["pairs"] for job in first if job.overrides["experiment"] == "conself")
    second = sweep(folder / model.name / str(seed) / "matched", [UNFILTERED, *words, f"max_pairs={pairs}"])
    return [row(job, name, seed, False) for job in first] + [row(job, name, seed, True) for job in second]


def markdown(rows: list[dict[str, Any]]) -> str:
    """One line per job."""
    lines = ["| model / seed | method | pairs | steps | golden | base | tuned | relative | fixed / broken | p |"]
    lines.append("|" + "---|" * 10)
    for r in rows:
        golden = "-" if r["golden_rate"] is None else f"{r['golden_rate']:.2f}"
        lines.append(
            f"| {r['pretraining_seed']} / {r['seed']} | {r['method']} | {r['pairs']} | {r['steps']} | {golden} "
            f"| {r['base']['pass@1']:.3f} | {r['tuned']['pass@1']:.3f} | {r['relative_improvement']:+.1%} "
            f"| {r['fixed']} / {r['broken']} | {r['p']:.0e} |"
        )
    lines += ["", "| model / seed | metric | n | AUC | Pearson | Spearman | Kendall |", "|" + "---|" * 7]
    for r in (r for r in rows if r["method"] == "conself"):
        for name, m in r["metrics"].items():
            links = " | ".join(f"{m[key][0]:.3f}" for key in ("pearson", "spearman", "kendall"))
            lines.append(f"| {r['pretraining_seed']} / {r['seed']} | {name} | {m['n']} | {m['auc']:.3f} | {links} |")
    return "\n".join(lines) + "\n"


def means(rows: list[dict[str, Any]]) -> str:
    """One line per method: means over the runs, and ConSelf's lead over it with a paired t-test over runs."""
    tuned: dict[str, dict[tuple[str, int], float]] = {}
    for r in rows:
        tuned.setdefault(r["method"], {})[r["pretraining_seed"], r["seed"]] = r["tuned"]["pass@1"]
    lines = ["| method | runs | mean tuned pass@1 | ConSelf ahead by | in runs | p |", "|" + "---|" * 6]
    for method, scores in tuned.items():
        leads = [tuned["conself"][run] - score for run, score in scores.items()]
        p = "-" if len(set(leads)) < 2 else f"{stats.ttest_1samp(leads, 0.0).pvalue:.2g}"
        mean, lead = sum(scores.values()) / len(scores), sum(leads) / len(leads)
        lines.append(f"| {method} | {len(scores)} | {mean:.3f} | {lead:+.3f} | {sum(d > 0 for d in leads)} | {p} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run what is missing, then write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, nargs="+", default=[Path("conself/minipy/checkpoint")])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--runs", type=Path, default=Path("runs/embedded_round"))
    arguments = parser.parse_args()
    try:
        make_folder(arguments.runs, "--runs")
    except OSError as error:
        parser.error(str(error))
    rows: list[dict[str, Any]] = []
    for model in arguments.models:
        for seed in arguments.seeds:
            rows += one(arguments.runs, model, seed)
            write(rows)  # after each, so that a run that is cut short has told what it knows
    print((HERE / "table.md").read_text())


def write(rows: list[dict[str, Any]]) -> None:
    """results.json and table.md."""
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    (HERE / "results.json").write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    (HERE / "table.md").write_text(markdown(rows) + "\n" + means(rows))


if __name__ == "__main__":
    main()
