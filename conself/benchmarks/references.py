"""Reference solutions of a benchmark, for what is measured by programs that are right."""

from conself.benchmarks.task import Task
from conself.oracles import EvalPlusOracle, TestOracle


def references(task: Task) -> dict[str, str]:
    """Problem id -> a right program, of the problems whose oracle has one: HumanEval's, MBPP's and EvalPlus's have."""
    known = task.judge.oracles
    found = {problem.id: known.get(problem.id) for problem in task.problems}
    return {name: each.program for name, each in found.items() if isinstance(each, EvalPlusOracle | TestOracle)}
