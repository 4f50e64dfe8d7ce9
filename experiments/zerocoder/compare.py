"""Two rows of the table on the same problems: ``python -m experiments.zerocoder.compare RUN RUN [--benchmark NAME]``.

RUN are folders of ``experiments.zerocoder.run``. Printed are pass@1 of both, the problems that only one of them solves,
and p of the exact McNemar test; the last models are compared.
"""

import argparse
from pathlib import Path

from conself.records import Verdict
from conself.statistics.pass_rates import estimate, paired, pass_rates
from conself.store.tables import read_verdicts


def compared(one: Path, other: Path, benchmark: str) -> str:
    """Compare the trained models of two runs on a benchmark, in a line.

    Raises:
        FileNotFoundError: a run has no answers to it.
    """
    sides: list[list[Verdict]] = []
    for run in (one, other):
        path = run / "artifacts" / "evaluate" / benchmark / "tuned" / "verdicts.jsonl"
        if not path.is_file():
            raise FileNotFoundError(f"{run} has no {path.relative_to(run)}: name folders of finished runs")
        sides.append(read_verdicts(path))
    test, (first, second) = paired(*sides), (estimate(pass_rates(side, 1)).mean for side in sides)
    gap = test.difference
    return (
        f"{one.name} and {other.name}: {first:.3f} and {second:.3f}; {test.broken} problems by the first alone, "
        f"{test.fixed} by the second; difference {gap.mean:+.3f} ({gap.low:+.3f} to {gap.high:+.3f}), p {test.p:.2g}"
    )


def main() -> None:
    """Compare, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs=2, type=Path, metavar="RUN")
    parser.add_argument("--benchmark", default="minipy")
    args = parser.parse_args()
    try:
        one, other = args.runs
        print(compared(one, other, args.benchmark))
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None


if __name__ == "__main__":
    main()
