"""The contract of benchmarks: problems to answer, and a judge that keeps the oracles private."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from conself.agreement.comparison import Comparison
from conself.benchmarks import harness
from conself.benchmarks.evalplus import by_evalplus
from conself.datasets.decontamination import Stated
from conself.harness.replay import Answers, Parts, replay
from conself.oracles import AppsOracle, EvalPlusOracle, LiveCodeBenchOracle, Oracle, TestOracle, WrappedAppsOracle
from conself.records import Problem, Trace
from conself.statistics.prediction import Equal, judge

Verdicts = dict[str, list[bool]]
"""Problem id -> whether each trace is right, in order."""
Advance = Callable[[int], object]
"""Is called with the number of problems that have been judged since the last call."""


def ignore(_: int) -> None:
    """Ignore progress."""


def by_values(answers: Answers, oracles: Mapping[str, Oracle], equal: Equal, advance: Advance) -> Parts:
    """Judge a trace right if it is OK on every input, with a value that is ``equal`` to the expected one."""
    parts: Parts = {}
    for problem, traces in answers:
        oracle, is_stdout = oracles[problem.id], problem.entry_point is None
        parts[problem.id] = [(judge(trace.outcomes, oracle, equal, is_stdout),) for trace in traces]
        advance(1)
    return parts


HARNESSES: Mapping[type, Equal] = {
    LiveCodeBenchOracle: harness.livecodebench,
    AppsOracle: harness.apps,
    WrappedAppsOracle: harness.wrapped_apps,
}
"""When a value is as expected, where a benchmark has rules of its own."""
SANDBOXED: Mapping[type, Callable[[Answers, Mapping[str, Any], int, Advance], Parts]] = {
    TestOracle: replay,
    EvalPlusOracle: by_evalplus,
}
"""Kinds of oracles that judge by running something, in as many processes of the sandbox as the third argument says."""


@dataclass(frozen=True)
class Judge:
    """Verdicts on traces, by the oracles of their problems (problem id -> oracle).

    Values are compared under ``comparison`` if the oracle's benchmark has no harness of its own.

    Raises:
        ValueError: an oracle's class is unknown.
    """

    oracles: Mapping[str, Oracle | TestOracle | EvalPlusOracle]
    comparison: Comparison

    def __post_init__(self) -> None:
        classes: set[type] = {Oracle, *HARNESSES, *SANDBOXED}
        if other := next((o for o in self.oracles.values() if type(o) not in classes), None):
            raise ValueError(
                f"problem {other.problem_id}: there is no way to judge by a {type(other).__name__}; the data set must "
                f"give one of {', '.join(sorted(kind.__name__ for kind in classes))}, or HARNESSES in "
                "conself/benchmarks/task.py needs a rule for it"
            )

    def longest(self) -> int:
        """Return the length of the longest expected value, in characters of its recorded text; 0 with tests only."""
        expected = (oracle.expected for oracle in self.oracles.values() if not isinstance(oracle, TestOracle))
        return max((len(value) for values in expected for value in values), default=0)

    def __call__(self, answers: Answers, workers: int, advance: Advance = ignore) -> Verdicts:
        """Map problem ids to verdicts on each trace, in order: right on every part of the inputs.

        Raises:
            ValueError: as :meth:`parts`.
        """
        return {name: list(map(all, rows)) for name, rows in self.parts(answers, workers, advance).items()}

    def parts(self, answers: Answers, workers: int, advance: Advance = ignore) -> Parts:
        """Map problem ids to the verdicts on each trace, in order: (base, plus) by EvalPlus's rules, else one on all.

        Tests and EvalPlus's rules run in ``workers`` processes of the sandbox.

        Raises:
            ValueError: a problem has no oracle, or a trace another number of outcomes than its problem has inputs.
        """
        for problem, _ in answers:
            if problem.id not in self.oracles:
                raise ValueError(f"problem {problem.id} has no oracle; it can be trained on but not judged")
        kinds: dict[type, list[tuple[Problem, Sequence[Trace]]]] = {}
        for problem, traces in answers:
            kinds.setdefault(type(self.oracles[problem.id]), []).append((problem, traces))
        rules: dict[type, Equal] = {Oracle: self.comparison.equal, **HARNESSES}
        expected = {name: oracle for name, oracle in self.oracles.items() if isinstance(oracle, Oracle)}
        parts: Parts = {}
        for kind, chosen in kinds.items():
            if kind in rules:
                parts |= by_values(chosen, expected, rules[kind], advance)
            else:
                parts |= SANDBOXED[kind](chosen, self.oracles, workers, advance)
        return parts


@dataclass(frozen=True)
class Task:
    """A loaded benchmark: its problems in order, their judge, and the number of dropped records by reason.

    ``programs`` holds reference solutions by problem id, beside those that the oracles have.
    """

    problems: Sequence[Problem]
    judge: Judge
    dropped: Mapping[str, int]
    programs: Mapping[str, str] = field(default_factory=dict)


class Benchmark(Stated, Protocol):
    """Problems to answer and their judge; its ``statements`` are kept out of training data."""

    def __call__(self) -> Task:
        """Load the problems and their judge.

        Raises:
            OSError: they cannot be read; with the remedy.
            ValueError: as OSError; or a problem cannot be judged.
        """
        ...

    def wordings(self) -> Iterator[str]:
        """Yield each text by which a problem that a model has written itself would be one of these."""
        ...
