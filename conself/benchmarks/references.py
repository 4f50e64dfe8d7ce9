"""Reference solutions of a benchmark, for what is measured by programs that are right."""

from conself.benchmarks.task import Task
from conself.oracles import EvalPlusOracle, TestOracle


def references(task: Task) -> dict[str, str]:
    """Problem id -> a right program, of the problems that have one: of MiniPy, HumanEval, MBPP and EvalPlus."""
    known = ((problem.id, task.judge.oracles.get(problem.id)) for problem in task.problems)
    judged = {name: each.program for name, each in known if isinstance(each, EvalPlusOracle | TestOracle)}
    return {**task.programs, **judged}
