"""Reference solutions of a benchmark, for what is measured by programs that are right."""

from conself.benchmarks.task import Task
from conself.oracles import EvalPlusOracle, TestOracle


def references(task: Task) -> dict[str, str]:
    """Problem id -> a right program, of the problems whose oracle has one: HumanEval's, MBPP's and EvalPlus's have."""
    oracles = task.judge.oracles
    found = {problem.id: oracles[problem.id] for problem in task.problems}
    return {name: oracle.program for name, oracle in found.items() if isinstance(oracle, EvalPlusOracle | TestOracle)}
