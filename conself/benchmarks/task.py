"""What every benchmark gives: problems to answer, and a judge that keeps the oracles to itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conself.comparison import Comparison
from conself.oracles import Oracle
from conself.records import Problem, Trace
from conself.statistics import judge


@dataclass(frozen=True)
class Judge:
    """Verdicts on traces, by the oracles of their problems (problem id -> Oracle) under ``comparison``."""

    oracles: Mapping[str, Oracle]
    comparison: Comparison

    def __call__(self, problem: Problem, traces: Sequence[Trace]) -> list[bool]:
        """One verdict per trace: OK on every input, with the values expected.

        Raises:
            ValueError: the problem has no oracle, or the oracle another number of inputs.
        """
        if problem.id not in self.oracles:
            raise ValueError(f"problem {problem.id} has no oracle; it can be trained on but not judged")
        oracle = self.oracles[problem.id]
        return [judge(trace.outcomes, oracle, self.comparison, problem.entry_point is None) for trace in traces]


@dataclass(frozen=True)
class Task:
    """A benchmark that is loaded: its problems in order, and their judge."""

    problems: Sequence[Problem]
    judge: Judge
