"""The table of the runs so far: ``python -m experiments.zerocoder``. Every row that used labels says how many."""

from collections.abc import Sequence
from statistics import fmean
from typing import Any

from experiments.zerocoder.rows import FURTHER, ROWS
from experiments.zerocoder.run import LINES, read

HEADS = (
    "row",
    "labels",
    "seeds",
    "problems",
    "pass@1 base",
    "tuned",
    "test accuracy",
    "unparsable",
    "mutation",
    "rank",
)


def table(lines: Sequence[dict[str, Any]], benchmark: str) -> str:
    """Means over the seeds of each row as Markdown, in the order of the rows; of tests those at the end of training."""
    rows = []
    for name in [*ROWS, *FURTHER]:
        found = [line for line in lines if line["row"] == name and benchmark in line["benchmarks"]]
        if not found:
            continue
        passed = [fmean(line["benchmarks"][benchmark][side]["pass@1"] for line in found) for side in ("base", "tuned")]
        cells = [name, str(found[0]["labels"] or "none"), str(len(found)), f"{fmean(x['problems'] for x in found):.0f}"]
        cells += [f"{value:.3f}" for value in passed]
        cells += [_last(found, figure) for figure in ("test_accuracy", "unparsable", "mutation", "matrix_rank")]
        rows.append("| " + " | ".join(cells) + " |")
    head = "| " + " | ".join(HEADS) + " |"
    return "\n".join([head, "|" + "---|" * len(HEADS), *rows]) + "\n"


def _last(lines: Sequence[dict[str, Any]], figure: str) -> str:
    values = [line["last"][figure] for line in lines if figure in line["last"]]
    return f"{fmean(values):.3f}" if values else "-"


def main() -> None:
    """Print the table of each benchmark that a run has."""
    lines = read(LINES)
    if not lines:
        raise SystemExit(f"no run in {LINES}; make some with python -m experiments.zerocoder.run")
    for benchmark in dict.fromkeys(name for line in lines for name in line["benchmarks"]):
        print(f"{benchmark}\n\n{table(lines, benchmark)}")


if __name__ == "__main__":
    main()
