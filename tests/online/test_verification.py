"""Programs, tests and mutants of a small world, run in the sandbox; what is right is worked out by hand."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from conself.agreement.behaviour import Behaviour
from conself.agreement.pools import agreement
from conself.generated_tests.reader import TestReader
from conself.mutators.mutants import mutants
from conself.online.verification import Tried, Verification, Verified, verify
from conself.rankings.codet import CodeT
from conself.records import Candidate, Pool, Problem, Trace
from conself.rewards.selected import Selected
from conself.sandbox import Job, Result, execute
from conself.tester_rewards.zerocoder import ZeroCoder
from tests.online.online_world import EQUALITY, LIMITS

DOUBLE, ALSO, OFF, CRASH = (
    "def f(x): return 2 * x",
    "def f(x): return x + x",
    "def f(x): return 2 * x if x < 3 else 0",
    "def f(x): return x.y",
)
HOW = Verification("reply", CodeT(0.5), EQUALITY, n_mutants=16)
MEANT = "assert f(1) == 2", "assert f(5) == 10\nassert f(0) == 0", "assert f(5) == 0", "no idea"


class Counted:
    """Runs jobs, and keeps them."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def __call__(self, jobs: Sequence[Job]) -> list[Result]:
        self.jobs += jobs
        return list(execute(jobs, LIMITS, workers=1))


def tried(codes: Sequence[str | None], replies: Sequence[str], name: str = "p") -> Tried:
    problem = Problem(name, "", "", "f", ("(1,)", "(2,)"), "", "")
    drawn = [Candidate(name, k, None, "", code, "stop", None, None, None, 1) for k, code in enumerate(codes)]
    (ran,) = execute([Job(name, tuple(codes), "f", problem.inputs)], LIMITS, workers=1)
    pool = Pool(problem, drawn, [Trace(name, k, row) for k, row in enumerate(ran.rows)])
    read = tuple(TestReader(5, 4096).of_reply(problem, number, text) for number, text in enumerate(replies))
    return Tried(pool, agreement(pool, EQUALITY, Behaviour(False, None)), read)


def cells(found: Verified) -> list[str]:
    assert found.passing is not None
    words = {True: "1", False: "0", None: "x"}
    return ["".join(words[cell] for cell in row) for row in found.passing.cells]


def test_from_programs_and_replies_to_rewards() -> None:
    """Tests 0 and 1 are right, test 2 is what candidate 2 gives for 5; reply 3 has no test."""
    run, run_mutants = Counted(), Counted()
    world = tried([DOUBLE, ALSO, OFF, CRASH, None], MEANT)
    (found,) = verify([world], HOW, run, run_mutants, seed=0, step=0)
    assert cells(found) == ["110", "110", "101", "xxx", "xxx"]
    assert [job.inputs for job in run.jobs] == [("(5,)", "(0,)")]  # on (1,) they have run
    assert found.ranked.solutions == (0, 1)  # 2^.5 * 2 against 2
    evidence = found.evidence
    assert evidence is not None
    assert evidence.replies == ((0,), (1,), (2,), ())
    assert evidence.right == (0, 1)
    (job,) = run_mutants.jobs
    proxy = (DOUBLE, ALSO)[evidence.proxy]
    assert job.programs == (proxy, *mutants(proxy, "f", 16, 0))
    assert job.inputs == ("(1,)", "(2,)", "(5,)", "(0,)")
    assert evidence.kills
    assert all(len(row) == 3 for row in evidence.kills)
    coder = Selected(HOW.ranking)(world.pool, world.agreement, found.passing, 0.0)
    assert coder == [1, 1, 0, 0, 0]
    assert list(ZeroCoder(0.0, 0.5, True, "convex", -1.0)(evidence, 0.0)) == [1, 1, 0, -1]


def test_kills_of_one_program_by_hand() -> None:
    """Mutants of 2 * x: 3 * x, 2 / x, None; reply 0 has input 1, reply 1 has 5 and 0."""
    run_mutants = Counted()
    (found,) = verify([tried([DOUBLE, DOUBLE], MEANT[:2])], HOW, Counted(), run_mutants, seed=0, step=0)
    assert found.evidence is not None
    (job,) = run_mutants.jobs
    expressions = [str(program).split("return ")[1] for program in job.programs[1:]]
    by_text = dict(zip(expressions, found.evidence.kills, strict=True))
    assert by_text["3 * x"] == (True, True)
    assert by_text["2 / x"] == (False, True)  # 2.0 for 1, as 2; an error for 0


@pytest.mark.parametrize("replies", [(), ("no idea", "[1, 2]"), ('[{"input": [1]}]',)])
def test_testers_that_never_answer_in_the_form_asked_for(replies: tuple[str, ...]) -> None:
    run = Counted()
    (found,) = verify([tried([DOUBLE, OFF], replies)], HOW, run, run, seed=0, step=0)
    assert (found.passing, found.evidence, found.ranked.reason) == (None, None, "no generated tests")
    assert run.jobs == []


def test_where_nobody_passes_anything_no_mutants_are_made() -> None:
    run_mutants = Counted()
    (found,) = verify([tried([DOUBLE, CRASH], ("assert f(1) == 7",))], HOW, Counted(), run_mutants, seed=0, step=0)
    assert cells(found) == ["0", "x"]
    assert (found.evidence, found.ranked.reason) == (None, "no candidate passes a generated test")
    assert run_mutants.jobs == []


def test_several_problems_stay_apart_and_cases_are_columns() -> None:
    both = [tried([DOUBLE, OFF], MEANT, "p"), tried([ALSO, CRASH], MEANT[:1], "q")]
    how = replace(HOW, column="case", n_mutants=0)
    first, second = verify(both, how, Counted(), Counted(), seed=0, step=0)
    assert (cells(first), cells(second)) == (["1110", "1011"], ["1", "x"])
    assert first.evidence is not None
    assert first.evidence.replies == ((0,), (1, 2), (3,), ())
    assert first.evidence.kills == ()
    with pytest.raises(ValueError, match="n_mutants must be 0"):
        replace(HOW, n_mutants=-1)
