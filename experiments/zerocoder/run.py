"""Runs rows of the table, a job of ``conself.train`` each: one seed of all rows before the second of any.

``python -m experiments.zerocoder.run --seeds 0 1 2 --out runs/zerocoder WORDS``; WORDS are further ones of
``conself.train``, the same for all rows. Each run that ends adds a line to ``--lines``; what has a line is not run
again, and what was killed goes on with the same command.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from experiments.zerocoder.rows import FURTHER, ROWS, ZEROCODER

LINES = Path(__file__).with_name("runs.jsonl")
FIGURES = (
    *("reward", "consensus", "distinct_traces", "unrewarded", "unparsable", "test_accuracy", "mutation"),
    *("matrix_rank", "without_right", "right_programs", "right_tests", "tester_reward", "log10_beta0"),
)
"""Of the steps, what a line has at the start and at the end: means of ``MEANS_OVER`` steps."""
MEANS_OVER = 5
SIDES = ("base", "tuned")
GRADES = ("accuracy", "unparsable", "mutation_score", "n_replies")


def main() -> None:
    """Run what has no line yet."""
    args = _arguments()
    known = {(line["row"], line["seed"], tuple(line["words"])) for line in read(args.lines)}
    for seed, row in in_turn(args.rows, args.seeds):
        if (row, seed, tuple(args.words)) in known:
            continue
        folder = args.out / f"{row}-{seed}"
        words = [*words_of(row, args.words), f"seed={seed}"]
        command = [sys.executable, "-m", "conself.train", *words, f"artifacts={args.out / 'artifacts'}"]
        done = subprocess.run([*command, f"hydra.run.dir={folder}", "tracking=none"], check=False)
        if done.returncode:
            print(f"{row}, seed {seed}: ended with status {done.returncode}; the same command goes on", flush=True)
            continue
        line = line_of(row, seed, args.words, folder)
        with args.lines.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(f"{row}, seed {seed}: {json.dumps(line['benchmarks'])}", flush=True)


def words_of(row: str, words: Sequence[str]) -> list[str]:
    """The words of a row and those of all rows; a row of one role gets none of those about the tester."""
    own = (ROWS | FURTHER)[row]
    return [*(word for word in words if own[:1] == ZEROCODER or "testing." not in word), *own]


def in_turn(rows: Sequence[str], seeds: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Seeds and rows in the order in which they are run."""
    return ((seed, row) for seed in seeds for row in rows)


def read(path: Path) -> list[dict[str, Any]]:
    """The lines that are there."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def line_of(row: str, seed: int, words: Sequence[str], folder: Path) -> dict[str, Any]:
    """What is kept of a run: labels first, then answers before and after, and the steps at both ends."""
    results = json.loads((folder / "results.json").read_text())
    steps = [json.loads(line) for line in (folder / "artifacts/reinforce/steps.jsonl").read_text().splitlines()]
    taken = [step for step in steps if "sampled_tokens" in step]
    ends = {"first": ends_of(taken[:MEANS_OVER]), "last": ends_of(taken[-MEANS_OVER:])}
    return {
        "row": row,
        "seed": seed,
        "words": list(words),
        "labels": results.get("labels"),
        "problems": results["problems"]["kept"],
        "steps": results["training"]["steps"],
        "skipped": results["training"]["skipped"],
        "stopped": results["training"]["stopped"],
        "tokens": {name: results["training"][f"{name}_tokens"] for name in ("sampled", "trained")},
        "benchmarks": {name: sides(found) for name, found in results["benchmarks"].items()},
        "tests": {side: graded(results["benchmarks"], side) for side in SIDES},
        **ends,
        "phases": _phases(folder / "artifacts" / "reinforce"),
    }


def sides(found: Mapping[str, Any]) -> dict[str, Any]:
    """Greedy pass@1 of both sides with its interval, and pass@k of the voters where there are some."""
    kept = ("pass@1", "ci95", "pass@k")
    return {side: {name: found[side][name] for name in kept if name in found[side]} for side in SIDES}


def graded(benchmarks: Mapping[str, Mapping[str, Any]], side: str) -> dict[str, Any]:
    """The grades of the tests that a side wrote, by benchmark; none of a run with one role."""
    written = {name: found["written_tests"][side] for name, found in benchmarks.items() if "written_tests" in found}
    return {name: {key: row[key] for key in GRADES} for name, row in written.items()}


def ends_of(steps: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Means of the figures over some steps, each over those that have it."""
    found = {name: [step[name] for step in steps if name in step] for name in FIGURES}
    return {name: round(fmean(values), 4) for name, values in found.items() if values}


def _phases(artifact: Path) -> dict[str, float]:
    """Seconds of drawing, running, verifying and learning, of the process that ended the training."""
    path = artifact / "manifest.json"
    summary = json.loads(path.read_text())["summary"] if path.is_file() else {}
    return {name: round(value, 1) for name, value in summary.get("phases", {}).items()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", nargs="+", choices=[*ROWS, *FURTHER], default=list(ROWS))
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--lines", type=Path, default=LINES)
    parser.add_argument("words", nargs="*", help="words of conself.train, the same for all rows")
    return parser.parse_args()


if __name__ == "__main__":
    main()
