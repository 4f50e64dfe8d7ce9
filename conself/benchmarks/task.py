"""What every benchmark gives: problems to answer, and a judge that keeps the oracles to itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conself.benchmarks import harness
from conself.benchmarks.replay import Answers, replay
from conself.comparison import Comparison
from conself.oracles import AppsOracle, LiveCodeBenchOracle, Oracle, TestOracle
from conself.records import Problem, Trace
from conself.statistics import Equal, judge

Verdicts = dict[str, list[bool]]


def by_values(answers: Answers, oracles: Mapping[str, Oracle], comparison: Comparison, _: int) -> Verdicts:
    """A trace is right where it is OK on every input, with the values expected, as values are equal for clusters."""
    return {problem.id: _judged(problem, traces, oracles[problem.id], comparison.equal) for problem, traces in answers}


def by_livecodebench(answers: Answers, oracles: Mapping[str, Oracle], _: Comparison, __: int) -> Verdicts:
    """A trace is right where it is OK on every input, and LiveCodeBench's harness takes the values for right."""
    return {
        problem.id: _judged(problem, traces, oracles[problem.id], harness.livecodebench) for problem, traces in answers
    }


def by_apps(answers: Answers, oracles: Mapping[str, AppsOracle], _: Comparison, __: int) -> Verdicts:
    """A trace is right where it is OK on every input, and the harnesses of APPS and TACO take the values for right."""
    verdicts = {}
    for problem, traces in answers:
        equal = harness.wrapped_apps if oracles[problem.id].wrapped else harness.apps
        verdicts[problem.id] = _judged(problem, traces, oracles[problem.id], equal)
    return verdicts


def _judged(problem: Problem, traces: Sequence[Trace], oracle: Oracle, equal: Equal) -> list[bool]:
    return [judge(trace.outcomes, oracle, equal, problem.entry_point is None) for trace in traces]


def by_tests(answers: Answers, oracles: Mapping[str, TestOracle], _: Comparison, workers: int) -> Verdicts:
    """A trace is right where the problem's tests pass on it; they say themselves how values compare."""
    return replay(answers, oracles, workers)


WAYS: Mapping[type, Callable[[Answers, Mapping[str, Any], Comparison, int], Verdicts]] = {
    Oracle: by_values,
    LiveCodeBenchOracle: by_livecodebench,
    AppsOracle: by_apps,
    TestOracle: by_tests,
}
"""How each kind of oracle judges."""


@dataclass(frozen=True)
class Judge:
    """Verdicts on traces, by the oracles of their problems (problem id -> oracle).

    Values are compared under ``comparison`` where the oracle's benchmark has no harness of its own.
    """

    oracles: Mapping[str, Oracle | TestOracle]
    comparison: Comparison

    def longest(self) -> int:
        """The length of the longest expected value, in characters of its recorded text; 0 where only tests judge."""
        expected = (oracle.expected for oracle in self.oracles.values() if isinstance(oracle, Oracle))
        return max((len(value) for values in expected for value in values), default=0)

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
    """A benchmark that is loaded: its problems in order, their judge, and how many records were left out, by reason."""

    problems: Sequence[Problem]
    judge: Judge
    dropped: Mapping[str, int]
