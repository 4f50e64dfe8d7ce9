"""What every benchmark gives: problems to answer, and a judge that keeps the oracles to itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conself.benchmarks.replay import Answers, replay
from conself.comparison import Comparison
from conself.oracles import Oracle, TestOracle
from conself.records import Problem
from conself.statistics import judge

Verdicts = dict[str, list[bool]]
Advance = Callable[[int], object]
"""Is called with the number of problems that have been judged since the last call."""


def ignore(_: int) -> None:
    """For callers who do not want to know how far it is."""


def by_values(
    answers: Answers, oracles: Mapping[str, Oracle], comparison: Comparison, _: int, advance: Advance
) -> Verdicts:
    """A trace is right where it is OK on every input, with the values expected."""
    verdicts: Verdicts = {}
    for problem, traces in answers:
        is_stdin, oracle = problem.entry_point is None, oracles[problem.id]
        verdicts[problem.id] = [judge(trace.outcomes, oracle, comparison, is_stdin) for trace in traces]
        advance(1)
    return verdicts


def by_tests(
    answers: Answers, oracles: Mapping[str, TestOracle], _: Comparison, workers: int, advance: Advance
) -> Verdicts:
    """A trace is right where the problem's tests pass on it; they say themselves how values compare."""
    return replay(answers, oracles, workers, advance)


WAYS: Mapping[type, Callable[[Answers, Mapping[str, Any], Comparison, int, Advance], Verdicts]] = {
    Oracle: by_values,
    TestOracle: by_tests,
}
"""How each kind of oracle judges."""


@dataclass(frozen=True)
class Judge:
    """Verdicts on traces, by the oracles of their problems (problem id -> oracle), values under ``comparison``."""

    oracles: Mapping[str, Oracle | TestOracle]
    comparison: Comparison

    def __call__(self, answers: Answers, workers: int, advance: Advance = ignore) -> Verdicts:
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
                verdicts |= way(chosen, self.oracles, self.comparison, workers, advance)
        return verdicts


@dataclass(frozen=True)
class Task:
    """A benchmark that is loaded: its problems in order, their judge, and how many records were left out, by reason."""

    problems: Sequence[Problem]
    judge: Judge
    dropped: Mapping[str, int]
