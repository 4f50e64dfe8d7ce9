"""The table of the runs so far: ``python -m experiments.zerocoder``. Every row that used labels says how many."""

from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from experiments.zerocoder.rows import FURTHER, ROWS
from experiments.zerocoder.run import LINES, SIDES, read

HEADS = (
    "row",
    "labels",
    "seeds",
    "problems",
    "pass@1 base",
    "tuned",
    "pass@15 base",
    "tuned",
    "tests right base",
    "tuned",
    "mutants killed base",
    "tuned",
    "proxy passes",
    "unparsable",
    "mutation",
    "rank",
)


def table(lines: Sequence[dict[str, Any]], benchmark: str) -> str:
    """Means over the seeds of each row as Markdown, in the order of the rows.

    ``tests right`` and ``mutants killed`` are those of benchmark problems, graded by reference solutions; the columns
    after them are of the last steps of training.
    """
    rows = []
    for name in [*ROWS, *FURTHER]:
        found = [line for line in lines if line["row"] == name and benchmark in line["benchmarks"]]
        if not found:
            continue
        passed = [fmean(line["benchmarks"][benchmark][side]["pass@1"] for line in found) for side in SIDES]
        cells = [name, str(found[0]["labels"] or "none"), str(len(found)), f"{fmean(x['problems'] for x in found):.0f}"]
        cells += [f"{value:.3f}" for value in passed]
        cells += [_mean(_voters(line["benchmarks"][benchmark][side]) for line in found) for side in SIDES]
        for figure in ("accuracy", "mutation_score"):
            graded = [line["tests"] for line in found if "tests" in line]
            cells += [_mean(each.get(side, {}).get(benchmark, {}).get(figure) for each in graded) for side in SIDES]
        cells += [_last(found, figure) for figure in ("test_accuracy", "unparsable", "mutation", "matrix_rank")]
        rows.append("| " + " | ".join(cells) + " |")
    head = "| " + " | ".join(HEADS) + " |"
    return "\n".join([head, "|" + "---|" * len(HEADS), *rows]) + "\n"


def _voters(side: Mapping[str, Any]) -> float | None:
    """Return pass@15, where there are that many voters."""
    return side.get("pass@k", {}).get("15", {}).get("value")  # type: ignore[no-any-return]  # plain JSON


def _mean(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{fmean(known):.3f}" if known else "-"


def _last(lines: Sequence[dict[str, Any]], figure: str) -> str:
    return _mean(line["last"].get(figure) for line in lines)


def main() -> None:
    """Print the table of each benchmark that a run has."""
    lines = read(LINES)
    if not lines:
        raise SystemExit(f"no run in {LINES}; make some with python -m experiments.zerocoder.run")
    for benchmark in dict.fromkeys(name for line in lines for name in line["benchmarks"]):
        print(f"{benchmark}\n\n{table(lines, benchmark)}")


if __name__ == "__main__":
    main()
