"""Programs of two pools as samples for both harnesses: ``python -m experiments.evalplus_agreement.samples``.

    ... samples POOL OUT PER_PROBLEM [NAMES]

``POOL`` holds JSON lines: of CodeT's candidates (``prompt``, ``unique``, ``candidates``), or of ``conself.score``
(``candidates`` with ``code``). ``OUT`` gets lines ``{"task_id", "solution"}``: the first ``PER_PROBLEM`` distinct
programs of each problem. EvalPlus wants a sample of every problem: of ``NAMES``, a file of the benchmark, those that
the pool lacks get an empty one, and others are left out.
"""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a file of JSON lines, gzipped or not."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        yield from map(json.loads, lines)


def programs(row: dict[str, Any]) -> list[str]:
    """The distinct programs of one line of a pool, in order; answers without code are left out."""
    if "unique" in row:
        return [row["prompt"] + row["unique"][index] for index in dict.fromkeys(row["candidates"])]
    return list(dict.fromkeys(candidate["code"] for candidate in row["candidates"] if candidate["code"]))


def main() -> None:
    """Write one file of samples."""
    pool, out, per_problem = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    found = {row.get("task_id", row.get("id")): programs(row)[:per_problem] for row in rows(pool)}
    if len(sys.argv) > 4:
        found = {row["task_id"]: found.get(row["task_id"]) or [""] for row in rows(Path(sys.argv[4]))}
    lines = [json.dumps({"task_id": name, "solution": code}) for name, codes in found.items() for code in codes]
    out.write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} samples of {len(found)} problems")


if __name__ == "__main__":
    main()
