"""A pool under stricter verdicts: a program is right where it passes EvalPlus's inputs as well as its benchmark's own.

``python -m experiments.amplification.verdicts pool=FILE out=FILE.jsonl`` writes its distinct programs as samples for
``conself.evaluate``. With ``verdicts=FILE benchmark=humaneval_plus|mbpp_plus`` as well, FILE the verdicts.jsonl of that
command on them, it writes the pool with these verdicts; problems that the benchmark lacks are left out.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from experiments.codet import Row, lines

USAGE = "usage: ... verdicts pool=FILE out=FILE [verdicts=FILE benchmark=humaneval_plus|mbpp_plus]"


def programs(row: Row) -> list[str]:
    """The distinct programs of a pool's line, each after its prefix, in order; answers without code are left out."""
    codes = dict.fromkeys(candidate["code"] for candidate in row["candidates"] if candidate["code"])
    return [row.get("prefix", "") + code for code in codes]


def samples(rows: Sequence[Row]) -> Iterator[Row]:
    """One sample of ``conself.evaluate`` for each distinct program."""
    for row in rows:
        for code in programs(row):
            yield {"task_id": row["id"], "solution": code}


def judged(rows: Sequence[Row], verdicts: Mapping[str, Sequence[bool]]) -> Iterator[Row]:
    """The lines of the problems that were judged, with their new verdicts; an answer without code is wrong.

    Raises:
        ValueError: the verdicts are of other samples.
    """
    for row in rows:
        codes = programs(row)
        if (passed := verdicts.get(row["id"])) is None:
            continue
        if len(passed) != len(codes):
            raise ValueError(f"{row['id']} has {len(codes)} distinct programs and {len(passed)} verdicts")
        right = dict(zip(codes, passed, strict=True))
        candidates = [
            candidate | {"passed": bool(candidate["code"]) and right[row.get("prefix", "") + candidate["code"]]}
            for candidate in row["candidates"]
        ]
        yield row | {"candidates": candidates}


def main(words: list[str]) -> None:
    """Write samples, or the pool with their verdicts.

    Raises:
        SystemExit: the words are not those of the usage, or verdicts are of other samples.
    """
    given = dict(word.split("=", 1) for word in words if "=" in word)
    if given.keys() not in ({"pool", "out"}, {"pool", "out", "verdicts", "benchmark"}):
        raise SystemExit(USAGE)
    rows = lines(Path(given["pool"]))
    try:
        if "verdicts" in given:
            found = lines(Path(given["verdicts"]))
            passed = {row["id"]: row["passed"] for row in found if row["benchmark"] == given["benchmark"]}
            written = list(judged(rows, passed))
        else:
            written = list(samples(rows))
    except ValueError as error:
        raise SystemExit(f"error: {error}") from None
    Path(given["out"]).write_text("".join(json.dumps(row) + "\n" for row in written))
    print(f"{len(written)} lines in {given['out']}")


if __name__ == "__main__":
    main(sys.argv[1:])
