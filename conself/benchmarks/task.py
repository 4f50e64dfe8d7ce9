"""What every benchmark gives: problems to answer, and a judge that keeps the oracles to itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from conself.benchmarks import harness
from conself.benchmarks.evalplus import by_evalplus
from conself.benchmarks.replay import Answers, replay
from conself.comparison import Comparison
from conself.oracles import AppsOracle, EvalPlusOracle, LiveCodeBenchOracle, Oracle, TestOracle
from conself.records import Problem
from conself.statistics import Equal, judge

Verdicts = dict[str, list[bool]]
Advance = Callable[[int], object]
"""Is called with the number of problems that have been judged since the last call."""


def ignore(_: int) -> None:
    """For callers who do not want to know how far it is."""


def by_values(
    answers: Answers, oracles: Mapping[str, Oracle], comparison: Comparison, _: int, advance: Advance
) -> Verdicts:
    """A trace is right where it is OK on every input, with the values expected, as values are equal for clusters."""
    return _by(answers, oracles, lambda _: comparison.equal, advance)


def by_livecodebench(
    answers: Answers, oracles: Mapping[str, Oracle], _: Comparison, __: int, advance: Advance
) -> Verdicts:
    """A trace is right where it is OK on every input, and LiveCodeBench's harness takes the values for right."""
    return _by(answers, oracles, lambda _: harness.livecodebench, advance)


def by_apps(answers: Answers, oracles: Mapping[str, AppsOracle], _: Comparison, __: int, advance: Advance) -> Verdicts:
    """A trace is right where it is OK on every input, and the harnesses of APPS and TACO take the values for right."""
    return _by(
        answers,
        oracles,
        lambda name: harness.wrapped_apps if oracles[name].wrapped else harness.apps,
        advance,
    )


def _by(
    answers: Answers, oracles: Mapping[str, Oracle], equality: Callable[[str], Equal], advance: Advance
) -> Verdicts:
    """Verdicts by expected values; ``equality`` gives the rule for a problem's id."""
    verdicts: Verdicts = {}
    for problem, traces in answers:
        equal, oracle, is_stdin = equality(problem.id), oracles[problem.id], problem.entry_point is None
        verdicts[problem.id] = [judge(trace.outcomes, oracle, equal, is_stdin) for trace in traces]
        advance(1)
    return verdicts


def by_tests(
    answers: Answers, oracles: Mapping[str, TestOracle], _: Comparison, workers: int, advance: Advance
) -> Verdicts:
    """A trace is right where the problem's tests pass on it; they say themselves how values compare."""
    return replay(answers, oracles, workers, advance)


def by_outputs(
    answers: Answers, oracles: Mapping[str, EvalPlusOracle], _: Comparison, workers: int, advance: Advance
) -> Verdicts:
    """A trace is right where EvalPlus's rules accept its outputs."""
    verdicts = by_evalplus(answers, oracles, workers)
    advance(len(answers))
    return verdicts


WAYS: Mapping[type, Callable[[Answers, Mapping[str, Any], Comparison, int, Advance], Verdicts]] = {
    Oracle: by_values,
    LiveCodeBenchOracle: by_livecodebench,
    AppsOracle: by_apps,
    TestOracle: by_tests,
    EvalPlusOracle: by_outputs,
}
"""How each kind of oracle judges."""


@dataclass(frozen=True)
class Judge:
    """Verdicts on traces, by the oracles of their problems (problem id -> oracle).

    Values are compared under ``comparison`` where the oracle's benchmark has no harness of its own.
    """

    oracles: Mapping[str, Oracle | TestOracle | EvalPlusOracle]
    comparison: Comparison

    def longest(self) -> int:
        """The length of the longest expected value, in characters of its recorded text; 0 where only tests judge."""
        expected = (oracle.expected for oracle in self.oracles.values() if isinstance(oracle, Oracle))
        return max((len(value) for values in expected for value in values), default=0)

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
    """A benchmark that is loaded: its problems in order, their judge, and how many records were left out, by reason.

    ``base`` judges by the original inputs alone, where the benchmark adds to those of another, as EvalPlus does.
    """

    problems: Sequence[Problem]
    judge: Judge
    dropped: Mapping[str, int]
    base: Judge | None = None
