"""The verdicts of the benchmarks' own harnesses on changed right programs, kept in harness_verdicts.csv.

    PYTHON -m tests.benchmarks.harness_verdicts          # some minutes

PYTHON needs evalplus 0.3.1 (the extra ``[bench]``), which judges HumanEval+ and MBPP+. The tests of HumanEval, MBPP and
LeetCodeDataset run after the program, in a plain interpreter, as their harnesses do it; those of LeetCodeDataset after
the imports of its ``prompt``, too. Twenty problems of each: the ten of ``tests/datasets/fixtures``, and the first ten
others of the files in ``../shared/data``. Programs run without walls: they are the benchmarks' own, changed.
"""

import csv
import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.changes import CHANGES, changed

TABLE = Path(__file__).with_suffix(".csv")
FIXTURES = Path(__file__).parents[1] / "datasets" / "fixtures"
WHOLE = Path(__file__).parents[3] / "shared" / "data"
FILES = {
    "humaneval": ("humaneval_plus.jsonl.gz", "HumanEval.jsonl.gz"),
    "humaneval_plus": ("humaneval_plus.jsonl.gz", "HumanEvalPlus.jsonl.gz"),
    "mbpp": ("mbpp.jsonl", "mbpp_sanitized.jsonl"),
    "mbpp_plus": ("mbpp_plus.jsonl.gz", "MbppPlus.jsonl.gz"),
    "leetcode": ("leetcode.jsonl.gz", "LeetCodeDataset-v0.2.0-train.jsonl.gz"),
}
"""Benchmark -> the fixture that every machine has, and the whole file."""
_EACH = 20
_SECONDS = 60.0
_LEFT_OUT = {"contains-duplicate-iii"}  # needs sortedcontainers
_OFFICIAL = """
import json, sys
given = json.load(sys.stdin)
world = {"__name__": "tests"}
for text in given:
    exec(text, world)
"""


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a benchmark's file, gzipped or not."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def right_program(benchmark: str, row: dict[str, Any]) -> tuple[str, str]:
    """A row's own right program, as an answer gives it, and the name of its function."""
    name = row["entry_point"].removeprefix("Solution().")
    if benchmark in ("humaneval", "humaneval_plus"):
        return row["prompt"] + row["canonical_solution"], name
    return row[{"mbpp": "solution", "mbpp_plus": "canonical_solution", "leetcode": "completion"}[benchmark]], name


def by_tests(benchmark: str, row: dict[str, Any]) -> Callable[[str], bool]:
    """Whether a program passes a row's tests, which run after it."""
    test = f"_candidate = {row['entry_point']}\n{row['test']}\ncheck(_candidate)\n"

    def judge(program: str) -> bool:
        texts = [row["prompt"] + "\n" + program, test] if benchmark == "leetcode" else [program, test]
        run = subprocess.run(
            [sys.executable, "-c", _OFFICIAL],
            input=json.dumps(texts),
            text=True,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        return run.returncode == 0

    return judge


def by_evalplus(benchmark: str, row: dict[str, Any]) -> Callable[[str], bool]:
    """Whether EvalPlus passes a program on base and plus inputs."""
    from evalplus.data.mbpp import mbpp_deserialize_inputs
    from evalplus.eval import PASS, untrusted_check
    from evalplus.eval._special_oracle import MBPP_OUTPUT_NOT_NONE_TASKS
    from evalplus.gen.util import trusted_exec

    kind, name = benchmark.removesuffix("_plus"), row["entry_point"]
    parts = []
    for part in ("base_input", "plus_input"):
        given = list(row[part] or [])
        inputs = mbpp_deserialize_inputs(row["task_id"], given) if kind == "mbpp" else given
        program, _ = right_program(benchmark, row)
        outputs, times = trusted_exec(program, inputs, name, True, name in MBPP_OUTPUT_NOT_NONE_TASKS)
        parts.append((inputs, outputs, times))

    def judge(program: str) -> bool:
        found = [untrusted_check(kind, program, i, name, o, row["atol"], t, True, _SECONDS) for i, o, t in parts if i]
        return all(status == PASS for status, _ in found)

    return judge


def twenty(benchmark: str) -> Iterator[dict[str, Any]]:
    """The fixture's rows, and the first others of the whole file."""
    few, whole = FILES[benchmark]
    first = [row for row in rows(FIXTURES / few) if row["task_id"] not in _LEFT_OUT]
    known = {row["task_id"] for row in first} | _LEFT_OUT
    others = [row for row in rows(WHOLE / whole) if row["task_id"] not in known]
    yield from (first + others)[:_EACH]


def main() -> None:
    """Judge, and write the table: 1 where the harness passes the program, 0 where not, nothing where it has no change.

    Raises:
        ValueError: a harness rejects a program that is not changed.
    """
    with TABLE.open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["benchmark", "problem", *CHANGES])
        for benchmark in FILES:
            for row in twenty(benchmark):
                judge = (by_evalplus if benchmark.endswith("_plus") else by_tests)(benchmark, row)
                program, name = right_program(benchmark, row)
                if not judge(program) and row["entry_point"] != "find_zero":  # EvalPlus's rule for it never passes
                    raise ValueError(f"{benchmark}, {row['task_id']}: the harness rejects its own solution")
                verdicts = {change: int(judge(text)) for change, text in changed(program, name).items()}
                table.writerow([benchmark, row["task_id"], *(verdicts.get(change, "") for change in CHANGES)])
                file.flush()


if __name__ == "__main__":
    main()
