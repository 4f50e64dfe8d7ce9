"""Pairs per second and memory of our training step against TRL's DPO trainer and a plain loop, in one run.

``python -m experiments.training_speed`` writes results.json and table.md beside this file: see README.md.
"""

import argparse
import importlib.util
import json
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from conself.runtime.places import make_folder
from conself.sandbox.terminal import answer_interrupts

HERE = Path(__file__).parent


def main() -> None:
    """Measure, print the table, and write results.json and table.md."""
    args = _arguments()
    answer_interrupts()
    # Before torch and TRL are imported: one thread each, no progress bars, no word to anybody.
    os.environ.update({"OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1", "HF_HUB_OFFLINE": "1", "CI": "true"})
    from datasets.utils.logging import disable_progress_bar

    from experiments.training_speed import report, settings
    from experiments.training_speed.models import Place

    disable_progress_bar()
    place = Place(args.device, args.checkpointing)
    rows = [settings.QUICK] if args.quick else [row for row in settings.ROWS if args.rows in row.name]
    done = []
    started = time.perf_counter()
    for row in rows:
        done.append(_measured(row, place, args))
        found = _results(done, place, args, (time.perf_counter() - started) / 60)
        text = report.table(done)
        (args.out / "results.json").write_text(json.dumps(found, indent=2) + "\n")  # after each row: it may be stopped
        (args.out / "table.md").write_text(text)
    print(text)


def _measured(row: Any, place: Any, args: argparse.Namespace) -> dict[str, Any]:
    from experiments.training_speed import contenders, report, run, settings

    def say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    shape = settings.CODER_7B if args.model == "7b" else settings.small(row.words)
    rounds = args.rounds if row == settings.CENTRAL else 2
    measured = run.measure(row, shape, place, contenders.names(row), rounds, args.seed, say)
    return report.result(row, shape, place, measured, args.seed)


def _results(done: Sequence[Any], place: Any, args: argparse.Namespace, minutes: float) -> dict[str, Any]:
    from experiments.training_speed import report, settings

    shape = settings.CODER_7B if args.model == "7b" else settings.small(settings.WORDS)
    return {
        "command": shlex.join(["python", "-m", "experiments.training_speed", *sys.argv[1:]]),
        "seed": args.seed,
        "date": time.strftime("%Y-%m-%d"),
        "minutes": round(minutes, 1),
        "machine": report.machine(place),
        "versions": report.versions(),
        "model": {"head_to_body": round(settings.HEAD_TO_BODY, 4), **shape.config()},
        "gradient_checkpointing": args.checkpointing,
        **{key: done[0][key] for key in report.BARS},
        "bars": report.BARS,
        "rows": list(done),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument(
        "--model", choices=("small", "7b"), default="small", help="7b: Qwen2.5-Coder-7B, random weights"
    )
    parser.add_argument("--checkpointing", action="store_true", help="TRL and all others compute each layer twice")
    parser.add_argument("--quick", action="store_true", help="one small row, for a look whether everything runs")
    parser.add_argument("--rows", default="", help="only rows whose name contains this")
    parser.add_argument("--rounds", type=int, default=4, help="of the central row; the others take two")
    parser.add_argument("--seed", type=int, default=0, help="of weights, tokens and the order of lengths")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for results.json and table.md")
    args = parser.parse_args()
    if importlib.util.find_spec("trl") is None:
        parser.error("TRL is not installed: see README.md for the extra [bench]")
    try:
        make_folder(args.out, "--out")
    except OSError as error:
        parser.error(str(error))
    return args


if __name__ == "__main__":
    main()
