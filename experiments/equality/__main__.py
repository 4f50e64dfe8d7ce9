"""The four rules of equality on real pools: ``python -m experiments.equality [problems of the embedded world]``.

Programs run once; clusters are formed under each rule. Writes results.json and table.md beside this file, and prints
the table. Pools are looked for in ``../shared/data/pools``.
"""

import ast
import gzip
import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from conself.agreement.jobs import job_of
from conself.agreement.traces import trace_keys
from conself.minipy.splits import split
from conself.pool_files.lines import parse
from conself.records import Candidate, Outcome, Pool, Problem, Trace
from conself.sandbox import Limits, execute
from conself.statistics.prediction import judge
from experiments.equality.figures import RULES, Judged, compare, table
from experiments.metric_pools.golden import lines

HERE = Path(__file__).parent
POOLS = HERE.parents[2] / "shared" / "data" / "pools"
LIMITS = Limits(
    cpu_seconds=1.0,
    wall_seconds=5.0,
    memory_mb=4096,
    output_kb=1024,
    max_timeouts=2,
    packages=("numpy",),
    audit=0.0,
    require="weak",
)
_WORKERS = 2


def codegen16b() -> Iterable[dict[str, Any]]:
    """CodeGen-16B on HumanEval as lines of a pool file."""
    given = {row["task_id"]: row for row in lines("inputs")}
    for drawn, figures in zip(*map(lines, ("codegen16b.candidates", "codegen16b.metrics")), strict=True):
        inputs = given[drawn["task_id"]]
        arguments = [
            node["json"] if "json" in node else {"py": repr(tuple(ast.literal_eval(node["py"])))}
            for node in inputs["inputs"]
        ]
        candidates = [
            {"code": drawn["prompt"] + drawn["unique"][u], "passed": bool(passed)}
            for u, passed in zip(drawn["candidates"], figures["passed"], strict=True)
        ]
        name = drawn["task_id"]
        yield {"id": name, "entry_point": inputs["entry_point"], "inputs": arguments, "candidates": candidates}


def qwen05_mbpp() -> Iterable[dict[str, Any]]:
    """Qwen2.5-Coder-0.5B-Instruct on MBPP, as it lies there."""
    with gzip.open(POOLS / "qwen05_mbpp" / "pool.jsonl.gz", "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def judged(rows: Iterable[dict[str, Any]]) -> list[Judged]:
    """Pools of a file with their verdicts, executed."""
    parsed = [parse(row) for row in rows]
    outcomes = run([line.problem for line in parsed], [line.candidates for line in parsed])
    return [
        Judged(_pool(line.problem, line.candidates, outcomes[line.problem.id]), line.passed)
        for line in parsed
        if line.passed is not None
    ]


def embedded(size: int) -> list[Judged]:
    """The embedded world: its model's candidates for problems of the validation split, judged by expected outputs."""
    from hydra.utils import instantiate  # slow to import, and not needed for the pools

    import conself.app.job  # noqa: F401  # its resolvers are named in conf/
    from conself.pipelines.parts import asking
    from experiments.metric_pools.run import configured

    config = configured("tracking=none")
    pairs = split("validation", size, 0)
    problems, oracles = [problem for problem, _ in pairs], [oracle for _, oracle in pairs]
    drawn = list(asking(config.sampler, config.engine)(iter(problems), instantiate(config.model)))
    outcomes = run(problems, drawn)
    made = []
    for problem, oracle, candidates in zip(problems, oracles, drawn, strict=True):
        rows = outcomes[problem.id]
        passed = tuple(judge(row, oracle, RULES["by_type, digits"].equal, is_stdout=False) for row in rows)
        made.append(Judged(_pool(problem, candidates, rows), passed))
    return made


def run(problems: list[Problem], drawn: Iterable[Iterable[Candidate]]) -> dict[str, list[tuple[Outcome, ...]]]:
    """Problem id -> outcomes per candidate and input."""
    jobs = [job_of(p, (c.code for c in group)) for p, group in zip(problems, drawn, strict=True)]
    return {result.job.id: result.rows for result in execute(jobs, LIMITS, _WORKERS)}


def _pool(problem: Problem, candidates: Iterable[Candidate], rows: list[tuple[Outcome, ...]]) -> Pool:
    return Pool(problem, list(candidates), [Trace(problem.id, index, row) for index, row in enumerate(rows)])


def main(words: list[str]) -> None:
    """Execute, compare, write."""
    pools: dict[str, Callable[[], list[Judged]]] = {
        "CodeGen-16B, HumanEval": lambda: judged(codegen16b()),
        "Qwen2.5-Coder-0.5B, MBPP": lambda: judged(qwen05_mbpp()),
        "embedded world, validation": lambda: embedded(int(words[0]) if words else 200),
    }
    found = {}
    for name, load in pools.items():
        problems = load()
        keys = {rule: [trace_keys(each.pool, comparison) for each in problems] for rule, comparison in RULES.items()}
        found[name] = compare(problems, keys, seed=0)
        (HERE / "results.json").write_text(json.dumps(found, indent=1) + "\n")
        (HERE / "table.md").write_text(table(found))
    print(table(found), end="")


if __name__ == "__main__":
    main(sys.argv[1:])
