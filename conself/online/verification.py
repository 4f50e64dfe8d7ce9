"""Which programs pass which generated tests, and which mutants those tests kill: what a step with testers goes by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from conself.agreement.comparison import Comparison
from conself.agreement.jobs import job_of
from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import Agreement
from conself.generated_tests.generated_test import GeneratedTest, ReadTests
from conself.generated_tests.passing import Column, columns, distinct_inputs, passing_matrix
from conself.generated_tests.reader import input_key
from conself.mutators.mutants import mutants
from conself.online.groups import Run
from conself.rankings.ranked import Ranked, Ranking
from conself.records import Outcome, Pool, Problem
from conself.sandbox import Job
from conself.tester_rewards.evidence import kills_of_columns, proxy_of, replies_of
from conself.tester_rewards.tester_reward import Evidence


@dataclass(frozen=True)
class Verification:
    """How programs and tests are held against one another.

    Args:
        column: what a test is: ``reply`` or ``case``, see :func:`conself.generated_tests.passing.columns`.
        ranking: which programs are held right.
        comparison: when two outputs are one and the same.
        n_mutants: mutants of the program that stands in for a reference solution, at most; 0: none are made.

    Raises:
        ValueError: ``n_mutants`` is below 0.
    """

    column: str
    ranking: Ranking
    comparison: Comparison
    n_mutants: int

    def __post_init__(self) -> None:
        if self.n_mutants < 0:
            raise ValueError(f"n_mutants must be 0 (none) or more, got {self.n_mutants}")


@dataclass(frozen=True)
class Tried:
    """The programs of a problem, with traces on its own inputs, and the replies of its testers in their order."""

    pool: Pool
    agreement: Agreement
    replies: tuple[ReadTests, ...]

    @property
    def problem(self) -> Problem:
        """Whose they are."""
        return self.pool.problem

    @property
    def is_stdin(self) -> bool:
        """Whether inputs are texts for standard input."""
        return self.problem.entry_point is None

    @property
    def tests(self) -> list[GeneratedTest]:
        """Those that claim something, reply by reply."""
        return [test for reply in self.replies for test in reply.tests if test.expected is not None]

    def new_inputs(self) -> tuple[str, ...]:
        """The inputs of the tests that are none of the problem's own: on those the programs have run."""
        own = {input_key(text, self.is_stdin) for text in self.problem.inputs}
        return tuple(
            text for text in distinct_inputs(self.tests, self.is_stdin) if input_key(text, self.is_stdin) not in own
        )


@dataclass(frozen=True)
class Verified:
    """What came of it.

    Attributes:
        passing: None where no reply has a test.
        ranked: who is held right; nobody where nobody passes a test.
        evidence: what testers are rewarded by; None where nobody is held right.
    """

    passing: PassingMatrix | None
    ranked: Ranked
    evidence: Evidence | None


@dataclass(frozen=True)
class _Crossed:
    """Programs that have run on the problem's inputs and on those of its tests."""

    tried: Tried
    columns: list[Column]
    inputs: tuple[str, ...]
    rows: list[tuple[Outcome, ...]]
    passing: PassingMatrix | None
    ranked: Ranked

    @property
    def name(self) -> str:
        """The problem's id."""
        return self.tried.problem.id


def verify(
    tried: Sequence[Tried], how: Verification, run: Run, run_mutants: Run, seed: int, step: int
) -> list[Verified]:
    """Hold the programs and tests of several problems against one another.

    Each program runs once on each distinct input of its problem's tests, whatever number of tests have it; no text of
    a test is ever run. Where somebody is held right, one of them is drawn as the proxy, and its mutants run on all
    inputs. ``run_mutants`` should give little time, for mutants loop; the proxy runs with them once more, so that one
    that needs longer itself kills nobody by that.

    Raises:
        ValueError: what ran has not one outcome per input.
        IsolationError, RuntimeError: as :func:`conself.sandbox.execute`.
    """
    jobs = [job_of(each.problem, _codes(each), inputs) for each in tried if (inputs := each.new_inputs())]
    rows = {result.job.id: result.rows for result in run(jobs)} if jobs else {}
    crossed = [_cross(each, rows.get(each.problem.id), how) for each in tried]
    chosen = [(each, proxy_of(right, seed, step, each.name)) for each in crossed if (right := each.ranked.solutions)]
    mutated = [job for each, proxy in chosen if (job := _mutated(each, proxy, how, seed)) is not None]
    killed = {result.job.id: result.rows for result in run_mutants(mutated)} if mutated else {}
    evidence = {each.name: _evidence(each, proxy, killed.get(each.name, ()), how) for each, proxy in chosen}
    return [Verified(each.passing, each.ranked, evidence.get(each.name)) for each in crossed]


def _cross(tried: Tried, more: Sequence[Sequence[Outcome]] | None, how: Verification) -> _Crossed:
    traces = [trace.outcomes for trace in tried.pool.traces]
    rows = [(*trace, *row) for trace, row in zip(traces, more or [()] * len(traces), strict=True)]
    inputs = (*tried.problem.inputs, *tried.new_inputs())
    tests = columns(tried.tests, how.column, tried.is_stdin)
    passing = passing_matrix(tests, inputs, rows, how.comparison, tried.is_stdin) if tests else None
    return _Crossed(tried, tests, inputs, rows, passing, how.ranking(tried.pool, tried.agreement, passing))


def _mutated(crossed: _Crossed, proxy: int, how: Verification, seed: int) -> Job | None:
    """The proxy and its mutants on all inputs; None where there are no mutants."""
    code = _codes(crossed.tried)[proxy]
    entry_point = crossed.tried.problem.entry_point
    made = mutants(code, entry_point, how.n_mutants, seed) if code is not None and how.n_mutants else ()
    return job_of(crossed.tried.problem, (code, *made), crossed.inputs) if made else None


def _evidence(crossed: _Crossed, proxy: int, ran: Sequence[Sequence[Outcome]], how: Verification) -> Evidence | None:
    if crossed.passing is None:
        return None
    tried = crossed.tried
    original, *killed = ran or [crossed.rows[proxy]]
    return Evidence(
        replies=tuple(replies_of(tried.tests, how.column, len(tried.replies), tried.is_stdin)),
        passing=crossed.passing,
        right=crossed.ranked.solutions,
        proxy=proxy,
        kills=kills_of_columns(original, killed, crossed.columns, crossed.inputs, how.comparison, tried.is_stdin),
    )


def _codes(tried: Tried) -> list[str | None]:
    return [candidate.code for candidate in tried.pool.candidates]
