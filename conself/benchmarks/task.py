"""What every benchmark gives: problems to answer, and a judge that keeps the oracles to itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conself.benchmarks.evalplus import by_evalplus
from conself.benchmarks.replay import Answers, replay
from conself.comparison import Comparison
from conself.oracles import EvalPlusOracle, Oracle, TestOracle
from conself.records import Problem
from conself.statistics import judge

Verdicts = dict[str, list[bool]]


def by_values(answers: Answers, oracles: Mapping[str, Oracle], comparison: Comparison, _: int) -> Verdicts:
    """A trace is right where it is OK on every input, with the values expected."""
    return {
        problem.id: [
            judge(trace.outcomes, oracles[problem.id], comparison, problem.entry_point is None) for trace in traces
        ]
        for problem, traces in answers
    }


def by_tests(answers: Answers, oracles: Mapping[str, TestOracle], _: Comparison, workers: int) -> Verdicts:
    """A trace is right where the problem's tests pass on it; they say themselves how values compare."""
    return replay(answers, oracles, workers)


def by_outputs(answers: Answers, oracles: Mapping[str, EvalPlusOracle], _: Comparison, workers: int) -> Verdicts:
    """A trace is right where EvalPlus's rules accept its outputs."""
    return by_evalplus(answers, oracles, workers)


WAYS: Mapping[type, Callable[[Answers, Mapping[str, Any], Comparison, int], Verdicts]] = {
    Oracle: by_values,
    TestOracle: by_tests,
    EvalPlusOracle: by_outputs,
}
"""How each kind of oracle judges."""


@dataclass(frozen=True)
class Judge:
    """Verdicts on traces, by the oracles of their problems (problem id -> oracle), values under ``comparison``."""

    oracles: Mapping[str, Oracle | TestOracle | EvalPlusOracle]
    comparison: Comparison

    def __call__(self, answers: Answers, workers: int) -> Verdicts:
        """Problem id -> one verdict per trace, in order; tests run in ``workers`` processes of the sandbox.

        Raises:
            ValueError: a problem has no oracle, or a trace another number of outcomes than its problem has inputs.
        """
        for problem, _ in answers:
            if problem.id not in self.oracles:
                raise ValueError(f"problem {problem.id} has no oracle; it can be trained on but not judged")
        verdicts: Verdicts = {}
        for kind, way in WAYS.items():
            chosen = [(problem, traces) for problem, traces in answers if type(self.oracles[problem.id]) is kind]
            if chosen:
                verdicts |= way(chosen, self.oracles, self.comparison, workers)
        return verdicts


@dataclass(frozen=True)
class Task:
    """A benchmark that is loaded: its problems in order, their judge, and how many records were left out, by reason.

    ``base`` judges by the original inputs alone, where the benchmark adds to those of another, as EvalPlus does.
    """

    problems: Sequence[Problem]
    judge: Judge
    dropped: Mapping[str, int]
    base: Judge | None = None
