"""A pool file with EvalPlus's own inputs after its own: what inputs that people and models chose are worth.

``python -m experiments.amplification.ceiling pool=FILE dataset=humaneval_plus path=FILE out=FILE`` writes a pool file
for ``conself.score``: of EvalPlus's inputs the first ``MOST`` that the pool does not have. Problems that EvalPlus lacks
keep their own.
"""

import gzip
import json
import sys
from pathlib import Path

from conself.datasets.dataset import Dataset
from conself.records import Problem
from conself.runtime.parts import build
from experiments.codet import Row, lines
from experiments.metric_pools.run import configured

MOST = 50
LONGEST = 2000
"""Bytes of an input, as ``amplification.max_bytes`` has it."""


def with_inputs(row: Row, texts: tuple[str, ...]) -> Row:
    """The pool's line with further inputs, which are literals of tuples."""
    own = row["inputs"]
    known = {value["py"] if isinstance(value, dict) else repr(tuple(value)) for value in own}
    new = [text for text in texts if text not in known and len(text.encode()) <= LONGEST][:MOST]
    return row | {"inputs": [*own, *({"py": text} for text in new)]}


def main(words: list[str]) -> None:
    """Write the file.

    Raises:
        SystemExit: the words are not those of the usage.
    """
    given = dict(word.split("=", 1) for word in words if "=" in word)
    if given.keys() != {"pool", "dataset", "path", "out"}:
        raise SystemExit("usage: ... ceiling pool=FILE dataset=humaneval_plus|mbpp_plus path=FILE out=FILE.jsonl.gz")
    config = configured(f"dataset={given['dataset']}", f"dataset.path={given['path']}")
    found = {problem.id: problem.inputs for problem in build(config.dataset, Dataset)() if isinstance(problem, Problem)}
    rows = [with_inputs(row, found.get(row["id"], ())) for row in lines(Path(given["pool"]))]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    Path(given["out"]).write_bytes(gzip.compress(text.encode(), mtime=0))
    print(f"{sum(row['id'] in found for row in rows)} of {len(rows)} problems are EvalPlus's")


if __name__ == "__main__":
    main(sys.argv[1:])
