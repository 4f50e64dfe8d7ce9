"""Oracles, the right outputs and tests: separate from :mod:`conself.records` so that training code cannot reach them.

Only datasets, benchmarks, statistics and the entry points may import this module (a test follows the imports).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Oracle:
    """The expected canonical outputs of a problem, one per input, in the order of ``Problem.inputs``.

    ``expected`` holds the recorded form of the sandbox (see ``conself.sandbox.canonical``). Values are compared as for
    clusters, or by a benchmark's own rules if the oracle is of a subclass. Expected outputs never enter the
    sandbox.
    """

    problem_id: str
    expected: tuple[str, ...]


class LiveCodeBenchOracle(Oracle):
    """Expected outputs, compared as in LiveCodeBench's harness."""

    __slots__ = ()


class AppsOracle(Oracle):
    """Expected outputs, compared as in the harnesses of APPS and TACO."""

    __slots__ = ()


class WrappedAppsOracle(AppsOracle):
    """The same if the data set wraps each value of a call in a list of one element; a program may do so too."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class TestOracle:
    """A problem that is judged by running its tests, as in HumanEval and MBPP.

    ``program`` is a right program, with all helpers that the tests use; it defines the problem's entry point.
    ``test`` is source that runs after it, calls the entry point by its name, and raises if an answer is wrong.
    """

    __test__ = False  # pytest takes the name for a test class

    problem_id: str
    program: str
    test: str


@dataclass(frozen=True, slots=True)
class EvalPlusOracle:
    """A problem of EvalPlus's own files: the outputs of a right program are expected, compared as in EvalPlus.

    ``expected`` holds what ``program`` returns, one canonical output per input, in the order of ``Problem.inputs``.
    ``name`` (``humaneval/find_zero``) says which special case applies; ``atol`` is the absolute tolerance of floats.
    The problem's first ``base`` inputs are the original benchmark's.
    """

    problem_id: str
    program: str
    expected: tuple[str, ...]
    name: str
    atol: float
    base: int
