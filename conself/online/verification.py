"""Run programs on generated tests, and mutants on the tests' inputs: the evidence of a step with testers."""

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
    """How programs and tests are verified against each other.

    Args:
        column: the unit of a test, ``reply`` or ``case``, see :func:`conself.generated_tests.passing.columns`.
        ranking: decides which programs are accepted as right.
        comparison: decides when two outputs are equal.
        n_mutants: the maximum number of mutants of the program in place of a reference solution; 0: none.

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
    """The programs of a problem, with traces on its own inputs, and its testers' replies in order."""

    pool: Pool
    agreement: Agreement
    replies: tuple[ReadTests, ...]

    @property
    def problem(self) -> Problem:
        """Return the problem they belong to."""
        return self.pool.problem

    @property
    def is_stdin(self) -> bool:
        """Return whether inputs are texts for standard input."""
        return self.problem.entry_point is None

    @property
    def tests(self) -> list[GeneratedTest]:
        """Return the tests with an expected output, reply by reply."""
        return [test for reply in self.replies for test in reply.tests if test.expected is not None]

    def new_inputs(self) -> tuple[str, ...]:
        """Return the tests' inputs that are not the problem's own; on its own the programs have already run."""
        own = {input_key(text, self.is_stdin) for text in self.problem.inputs}
        return tuple(
            text for text in distinct_inputs(self.tests, self.is_stdin) if input_key(text, self.is_stdin) not in own
        )


@dataclass(frozen=True)
class Verified:
    """The result of verification.

    Attributes:
        passing: which program passes which test; None where no reply has a test.
        ranked: the programs accepted as right; none where no program passes a test.
        evidence: the basis of tester rewards; None where no program is accepted as right.
    """

    passing: PassingMatrix | None
    ranked: Ranked
    evidence: Evidence | None


@dataclass(frozen=True)
class _Crossed:
    """Programs with their outcomes on the problem's inputs and on those of its tests."""

    tried: Tried
    columns: list[Column]
    inputs: tuple[str, ...]
    rows: list[tuple[Outcome, ...]]
    passing: PassingMatrix | None
    ranked: Ranked

    @property
    def name(self) -> str:
        """Return the problem's id."""
        return self.tried.problem.id


def verify(
    tried: Sequence[Tried], how: Verification, run: Run, run_mutants: Run, seed: int, step: int
) -> list[Verified]:
    """Verify the programs and tests of several problems against each other.

    Each program runs once on each distinct input of its problem's tests, however many tests share it; the text of a
    test is never run. Where programs are accepted as right, one of them is drawn as the proxy, and its mutants run on
    all inputs. ``run_mutants`` should have a short time limit, because mutants may loop. The proxy runs once more with
    its mutants, so that they are not killed merely because the proxy itself exceeds that limit.

    Raises:
        ValueError: an executed program does not have one outcome per input.
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
    """Return the job of the proxy and its mutants on all inputs; None where there are no mutants."""
    code = _codes(crossed.tried)[proxy]
    entry_point = crossed.tried.problem.entry_point
    mutant_codes = mutants(code, entry_point, how.n_mutants, seed) if code is not None and how.n_mutants else ()
    return job_of(crossed.tried.problem, (code, *mutant_codes), crossed.inputs) if mutant_codes else None


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
