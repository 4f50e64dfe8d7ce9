"""CodeGen-16B's candidates on HumanEval as pool files of ``conself.score``, fifteen samples each.

``python -m experiments.amplification.pools recorded=FOLDER solutions=FILE out=DIR``: FOLDER has the recorded pool
(``inputs.jsonl``, ``codegen16b.*.jsonl``, ``selectors.jsonl``), FILE CodeT's hundred samples per problem (.jsonl.gz).
Verdicts on samples 0 to 14 are those of the pool, on 15 to 29 those recorded with its selectors.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from conself.sandbox.sources import literal
from experiments.codet import Row, cut, lines

SIZE = 15
FEW = 2
"""Inputs of ``codegen_few``, where the verdicts are still by all: there tests tell more than own inputs."""


def _input(value: Row) -> Any:
    return value["json"] if "json" in value else {"py": repr(tuple(literal(value["py"])))}


def _pool(inputs: Row, prompt: str, texts: list[str], passed: list[bool]) -> Row:
    candidates = [{"code": prompt + text, "passed": right} for text, right in zip(texts, passed, strict=True)]
    name, call = inputs["task_id"], inputs["entry_point"]
    return {"id": name, "entry_point": call, "inputs": list(map(_input, inputs["inputs"])), "candidates": candidates}


def first(recorded: Path) -> Iterator[Row]:
    """Samples 0 to 14."""
    inputs, judged = _by_task(recorded / "inputs.jsonl"), _by_task(recorded / "codegen16b.metrics.jsonl")
    for drawn in lines(recorded / "codegen16b.candidates.jsonl"):
        texts = [drawn["unique"][u] for u in drawn["candidates"]]
        name = drawn["task_id"]
        yield _pool(inputs[name], drawn["prompt"], texts, list(map(bool, judged[name]["passed"])))


def second(recorded: Path, solutions: Path) -> Iterator[Row]:
    """Samples 15 to 29; the problems of both files are told by their prompts."""
    inputs, judged = _by_task(recorded / "inputs.jsonl"), _by_task(recorded / "selectors.jsonl")
    names = {row["prompt"]: row["task_id"] for row in lines(recorded / "codegen16b.candidates.jsonl")}
    for drawn in lines(solutions):
        name, some = names[drawn["prompt"]], slice(SIZE, 2 * SIZE)
        texts = [cut(text) for text in drawn["samples"][some]]
        yield _pool(inputs[name], drawn["prompt"], texts, list(map(bool, judged[name]["correct"][some])))


def _by_task(path: Path) -> dict[str, Row]:
    return {row["task_id"]: row for row in lines(path)}


def main(words: list[str]) -> None:
    """Write ``codegen_first.jsonl``, ``codegen_second.jsonl`` and ``codegen_few.jsonl``.

    Raises:
        SystemExit: the words are not those of the usage.
    """
    given = dict(word.split("=", 1) for word in words if "=" in word)
    if given.keys() != {"recorded", "solutions", "out"}:
        raise SystemExit("usage: python -m experiments.amplification.pools recorded=FOLDER solutions=FILE out=DIR")
    recorded, solutions, out = (Path(given[key]) for key in ("recorded", "solutions", "out"))
    out.mkdir(parents=True, exist_ok=True)
    few = (row | {"inputs": row["inputs"][:FEW]} for row in first(recorded))
    for name, rows in (("first", first(recorded)), ("second", second(recorded, solutions)), ("few", few)):
        (out / f"codegen_{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main(sys.argv[1:])
