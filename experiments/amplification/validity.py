"""Are new inputs inputs at all? Those that were proposed and kept, held against EvalPlus's contracts: analysis alone.

``python -m experiments.amplification.validity run=RUN problems=FILE`` with the run folder of a ``conself.score`` job of
``amplification=mutations`` on HumanEval's or MBPP's problems, and EvalPlus's file of them (.jsonl.gz). A contract is a
list of assertions on the arguments of a function; it runs in the sandbox.
"""

import ast
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra.utils import instantiate

from conself.amplifications.admission import valid
from conself.records import Status
from conself.runtime.parts import build
from conself.sandbox import Job, Limits, execute
from conself.sandbox.sources import parse
from experiments.amplification.tried import Tried, tried_pool
from experiments.codet import Row, lines
from experiments.metric_pools.run import configured

SHARES = (0.3, 0.5, 0.7, 1.0)


def contract_program(row: Row) -> str:
    """A function of the problem's name and signature that runs its contract, and nothing else.

    Raises:
        ValueError: the right program does not define it.
    """
    tree = parse(row["prompt"] + row["canonical_solution"])
    imports = [ast.unparse(node) for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    defined = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == row["entry_point"]]
    if not defined:
        raise ValueError(f"{row['task_id']} defines no {row['entry_point']}")
    body = textwrap.indent(textwrap.dedent(row["contract"].strip("\n")), "    ")
    return "\n".join([*imports, f"def {row['entry_point']}({ast.unparse(defined[-1].args)}):", body, "    return True"])


def kept_by(problems: Sequence[Tried], rows: dict[str, Row]) -> Iterator[Counter[str]]:
    """For each problem with a contract how many proposed inputs it allows, all told and of those kept at each share."""
    known = [(p, rows[p.own.pool.problem.id]) for p in problems if _has_contract(p, rows)]
    jobs = [Job(row["task_id"], (contract_program(row),), row["entry_point"], p.inputs) for p, row in known]
    results = {result.job.id: result.rows[0] for result in execute(jobs, build(configured().sandbox, Limits), 2)}
    for problem, row in known:
        allowed = [outcome.status is Status.OK for outcome in results[row["task_id"]]]
        counts = Counter(proposed=len(allowed), allowed=sum(allowed))
        for share in SHARES:
            kept = [reason is None for reason in valid(problem.own.agreed, problem.tried, share)]
            counts[f"kept {share}"] = sum(kept)
            counts[f"kept and allowed {share}"] = sum(a and k for a, k in zip(allowed, kept, strict=True))
        yield counts


def _has_contract(problem: Tried, rows: dict[str, Row]) -> bool:
    row = rows.get(problem.own.pool.problem.id)
    return row is not None and bool(row["contract"].strip()) and bool(problem.inputs)


def main(words: list[str]) -> None:
    """Print a table.

    Raises:
        SystemExit: the words are not those of the usage, or a file cannot be read.
    """
    given = dict(word.split("=", 1) for word in words if "=" in word)
    if given.keys() != {"run", "problems"}:
        raise SystemExit("usage: python -m experiments.amplification.validity run=RUN problems=FILE")
    try:
        run = Path(given["run"])
        problems = tried_pool(run, instantiate(configured().comparison))
        rows = {row["task_id"]: row for row in lines(Path(given["problems"]))}
        counts = sum(kept_by(problems, rows), Counter[str]())
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None
    print(f"{counts['proposed']} proposed, of which contracts allow {counts['allowed'] / counts['proposed']:.3f}")
    broken = counts["proposed"] - counts["allowed"]
    heads = ("kept below", "kept", "of these allowed", "of the allowed kept", "of the others left out")
    print(f"| {' | '.join(heads)} |\n| {' | '.join(['---'] * len(heads))} |")
    for share in SHARES:
        kept, good = counts[f"kept {share}"], counts[f"kept and allowed {share}"]
        out = 1 - (kept - good) / broken if broken else 1.0
        print(f"| {share:g} | {kept} | {good / kept:.3f} | {good / counts['allowed']:.3f} | {out:.3f} |")


if __name__ == "__main__":
    main(sys.argv[1:])
