"""Processes or threads: ``python -m experiments.real.cuts [DTYPE] [rows ...]``; the tables of README.md.

Tokens per second that Qwen2.5-Coder-0.5B draws, in float32 unless another DTYPE is named, in as many processes of one
thread as there are cores, and in one process of as many threads, with the same rows in all, two runs of each in turns.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from joblib import cpu_count

from conself.engines.transformers.engine import Runtime
from conself.engines.transformers.speed import speeds
from conself.records import ModelRef

_MODEL = Path("weights/qwen2_5_coder_0_5b")


def main(words: Sequence[str]) -> None:
    """Print a line for each number of rows and run."""
    dtype = next((word for word in words if not word.isdigit()), "float32")
    model, cores = ModelRef(str(_MODEL), None, None, dtype, "sdpa", None), cpu_count()
    for rows in [int(word) for word in words if word.isdigit()] or [30, 90]:
        for _ in range(2):
            several, one = Runtime(rows // cores, "cpu", cores, 1, 1), Runtime(rows, "cpu", 1, 1, cores)
            rates = [speed.drawing for speed in speeds(model, [several, one])]
            print(f"{rows} rows: {cores} x 1 thread {rates[0]:.1f}/s, 1 x {cores} threads {rates[1]:.1f}/s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
