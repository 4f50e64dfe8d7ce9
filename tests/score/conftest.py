"""``conself.score`` on a real pool (CodeGen-16B on HumanEval), against all figures of an independent implementation.

The reference ran each program's inputs in order in one process, with Python's hashes and random numbers seeded as ours
are, 1 s of CPU per input, and all installed packages at hand. What is not the same here, and all that follows from it:

- Four programs import what the sandbox doesn't have, scipy and matplotlib (``UNIMPORTABLE``), and use nothing of it.
  Scored as they are they crash, where the reference has outputs; with these imports taken out all figures agree.
- Time-outs depend on the machine. The seven problems where the reference has any (``TIMED_OUT``) are compared as all
  others, but for those where this machine decides otherwise on some input of theirs. ``max_timeouts`` is high: the
  reference ran programs on (for 0.1 s) after two time-outs.
- Pairs: the reference fills up with crashed losers and uses identical programs several times; the method says neither.
"""

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from conself.agreement.comparison import Comparison
from conself.sandbox.canonical import canonical
from tests.e2e.conftest import ROOT, environment

FOLDER = ROOT.parent / "shared" / "data" / "pools" / "codegen16b"
LOOSE = Comparison(list_equals_tuple=True, numbers="by_type", floats="digits", float_digits=6, split_whitespace=True)
PRINTED = 0.5000001e-10  # per-problem values are printed with 10 decimals
UNIMPORTABLE = {("HumanEval/118", 11), ("HumanEval/159", 9), ("HumanEval/61", 5), ("HumanEval/79", 1)}
METRICS = {
    "partial_semantic_entropy": "H partial-crash=singletons",
    "cluster_count": "n_clusters",
    "output_entropy": "mean per-input H crash=singletons",
    "pairwise_disagreement": "1-mean pairwise agree (all)",
    "von_neumann_entropy": "von Neumann entropy agree (all)",
    "winner_doubt": "1-Rwinner(/K)",
}
"""Metrics beyond score.yaml's, and what the reference calls them."""
FILTERED = {"partial_semantic_entropy_silent": "none", "partial_semantic_entropy_constant": "const5"}
"""The same under the reference's filters."""
LIMITS = ("sandbox.packages=[numpy]", "sandbox.max_timeouts=30", "sandbox.memory_mb=4096")
LIMITS += ("comparison.numbers=by_type", "comparison.floats=digits")  # the method's own rule, which the reference has
TIMED_OUT = {f"HumanEval/{n}" for n in (2, 80, 94, 100, 102, 114, 155)}
_IMPORTS = re.compile(r"^(?:import matplotlib|from scipy).*\n?", re.MULTILINE)


@cache
def lines(name: str) -> dict[str, dict[str, Any]]:
    rows = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]
    return {row["task_id"]: row for row in rows}


def converted(name: str, importable: bool) -> dict[str, Any]:
    """A golden problem as a line of a pool file; with ``importable`` without the imports that the sandbox lacks."""
    inputs, drawn, figures = (lines(n)[name] for n in ("inputs", "codegen16b.candidates", "codegen16b.metrics"))
    candidates = []
    for k, (u, passed) in enumerate(zip(drawn["candidates"], figures["passed"], strict=True)):
        code = drawn["prompt"] + drawn["unique"][u]
        if importable and (name, k) in UNIMPORTABLE:
            code, count = _IMPORTS.subn("", code)
            assert count
        candidates.append({"code": code, "passed": bool(passed)})
    arguments = [
        node["json"] if "json" in node else {"py": repr(tuple(ast.literal_eval(node["py"])))}
        for node in inputs["inputs"]
    ]
    return {"id": name, "entry_point": inputs["entry_point"], "inputs": arguments, "candidates": candidates}


def score(folder: Path, names: list[str], importable: bool, *overrides: str) -> Path:
    """Run the command on some of the golden problems; the folder of its results, where pool and store are, too."""
    pool = folder / "pool.jsonl"
    pool.write_text("".join(json.dumps(converted(name, importable)) + "\n" for name in names))
    words = [f"pool={pool}", f"out={folder}", f"artifacts={folder}/store", f"hydra.run.dir={folder}/run"]
    done = subprocess.run(
        [sys.executable, "-m", "conself.score", *words, *LIMITS, *overrides],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the whole pool, about a minute's work."""
    if not FOLDER.is_dir():
        pytest.skip(f"the golden pool is not at {FOLDER}")
    defaults = OmegaConf.load(ROOT / "conf" / "base" / "metrics.yaml").defaults
    known = {str(key).partition("@metrics.")[2] for node in defaults if node != "_self_" for key in node}
    more = (f"+metric@metrics.{name}={name}" for name in (*METRICS, *FILTERED) if name not in known)
    return score(tmp_path_factory.mktemp("golden"), list(lines("codegen16b.metrics")), True, *more)


def found(folder: Path, name: str) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in map(json.loads, (folder / f"{name}.jsonl").read_text().splitlines())}


def golden_cells(name: str) -> list[list[str]]:
    """The reference's K x M outcomes: ``E:<what>``, or the value as it was written."""
    outcomes, drawn = lines("codegen16b.outcomes")[name], lines("codegen16b.candidates")[name]
    rows = [outcomes["rows"][u] for u in drawn["candidates"]]
    return [[c if isinstance(c, str) else outcomes["values"][j][c] for j, c in enumerate(row)] for row in rows]


def golden_groups(name: str) -> list[list[int | None]]:
    """The reference's K x M groups of equal values under its loose comparison, None = crash."""
    outcomes, drawn = lines("codegen16b.outcomes")[name], lines("codegen16b.candidates")[name]
    groups = outcomes.get("loose_groups") or [None] * len(outcomes["values"])
    rows = [outcomes["rows"][u] for u in drawn["candidates"]]
    return [
        [None if isinstance(c, str) else groups[j][c] if groups[j] else c for j, c in enumerate(row)] for row in rows
    ]


def key_of(text: str) -> str:
    """The comparison key of a value as the reference wrote it."""
    special = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf"), "set()": set()}
    return LOOSE.key(canonical(special[text] if text in special else ast.literal_eval(text)), False)


def moved(folder: Path) -> set[str]:
    """The problems in which this machine's time-outs are not the reference's."""
    rows = found(folder, "outcomes")
    mine = {name: [[status == "timeout" for status, _ in cells] for cells in row["rows"]] for name, row in rows.items()}
    return {name for name in mine if mine[name] != [[c == "E:Timeout" for c in r] for r in golden_cells(name)]}
