"""The least that running programs can cost: one fork of a clean interpreter each, compile, the program's own work.

``python -s -S -P -B floor.py PROBLEMS OUT``; standard library only. No walls, no judging, nothing recorded: the
programs have all rights of the user. A program's time limits are those of the engine.
"""

import ast
import ctypes
import gc
import importlib
import json
import marshal
import os
import resource
import signal
import sys
import time
from collections import Counter
from typing import Any

# What programs import most, loaded beforehand as every fast executor does
_MODULES = (
    "abc array bisect calendar cmath collections collections.abc contextlib copy dataclasses datetime decimal enum "
    "fractions functools heapq io itertools json math numbers operator os pprint queue random re statistics string "
    "struct sys textwrap threading time types typing unicodedata"
)
_CPU_SECONDS = 1.0
_MAX_TIMEOUTS = 2
_MEMORY_BYTES = 4 << 30
_fork = ctypes.PyDLL(None).fork  # os.fork runs Python's at-fork hooks, which cost more than the fork


class Overrun(BaseException):
    """The time limit of one input."""


def _stop(*_: object) -> None:
    raise Overrun


def _run(source: str, entry_point: str, inputs: list[tuple[bool, bytes]]) -> None:
    """In the child: all inputs in one process, the arguments rebuilt for each call."""
    overruns = 0
    namespace: dict[str, Any] = {"__name__": "candidate"}
    try:
        signal.setitimer(signal.ITIMER_PROF, _CPU_SECONDS)
        exec(compile(source, "<program>", "exec"), namespace)
    except BaseException:
        os._exit(1)
    for is_marshal, blob in inputs:
        try:
            arguments = marshal.loads(blob) if is_marshal else ast.literal_eval(blob.decode())
            signal.setitimer(signal.ITIMER_PROF, _CPU_SECONDS)
            namespace[entry_point](*arguments)
        except Overrun:
            overruns += 1
            if overruns == _MAX_TIMEOUTS:
                os._exit(2)
        except BaseException:
            continue
    os._exit(0)


def _encode(text: str) -> tuple[bool, bytes]:
    try:
        return True, marshal.dumps(ast.literal_eval(text))
    except ValueError:
        return False, text.encode()


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main(problems_path: str, out_path: str) -> None:
    """Run all programs and write the figures as JSON (the fields of contend.Spent)."""
    for name in _MODULES.split():
        importlib.import_module(name)
    with open(problems_path, encoding="utf-8") as file:
        problems = json.load(file)
    encoded = [[_encode(text) for text in problem["inputs"]] for problem in problems]
    signal.signal(signal.SIGPROF, _stop)
    sys.set_int_max_str_digits(0)
    for descriptor, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        os.dup2(os.open(os.devnull, flags), descriptor)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    gc.collect()
    gc.freeze()
    outcomes: Counter[str] = Counter()
    start_cpu, start_wall = _cpu_seconds(), time.perf_counter()
    for problem, inputs in zip(problems, encoded, strict=True):
        for completion in problem["completions"]:
            child = _fork()
            if child == 0:
                _run(problem["prompt"] + completion, problem["entry_point"], inputs)
            _, status = os.waitpid(child, 0)
            outcomes["timeout" if os.waitstatus_to_exitcode(status) == 2 else "run"] += 1
    spent = {"cpu_seconds": _cpu_seconds() - start_cpu, "wall_seconds": time.perf_counter() - start_wall}
    with open(out_path, "w", encoding="utf-8") as file:
        json.dump(spent | {"outcomes": dict(outcomes)}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
