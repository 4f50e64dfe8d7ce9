"""What verifying a step costs, in CPU time: ``python -m experiments.zerocoder.cost HumanEvalPlus.jsonl.gz``.

The programs of a problem are its reference solution and mutants of it, or with ``--pool`` (a file of ``conself.score``)
those that a model wrote for it; its tests are inputs of the benchmark with what the reference gives: as many of each as
a step has. Timed is all of :func:`conself.online.verification.verify`; what does not end costs its limit.
"""

import argparse
import resource
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.agreement.jobs import job_of
from conself.agreement.pools import agreement
from conself.benchmarks.dataset import DatasetBenchmark
from conself.benchmarks.references import references
from conself.datasets.humaneval_plus import HumanEvalPlus
from conself.generated_tests.generated_test import GeneratedTest, ReadTests
from conself.mutators.mutants import mutants
from conself.online.verification import Tried, Verification, verify
from conself.rankings.codet import CodeT
from conself.records import Candidate, Outcome, Pool, Problem, Status, Trace
from conself.sandbox import Limits, execute, kept
from experiments.codet import lines

EQUALITY = Comparison(True, "by_value", "tolerance", 6, True)
OWN_INPUTS = 4
PROGRAMS = Limits(cpu_seconds=1.0, wall_seconds=5.0, memory_mb=1024, output_kb=1024, max_timeouts=2, audit=0.02)
MUTANTS = Limits(cpu_seconds=0.1, wall_seconds=2.0, memory_mb=1024, output_kb=1024, max_timeouts=2, audit=0.0)
"""As ``conf/sandbox/default.yaml`` and ``mutants.yaml`` have them."""


def tried(problem: Problem, programs: Sequence[str], size: int) -> Tried | None:
    """A problem with ``size`` programs, the first of them right, and as many tests; None where it has too few."""
    inputs = problem.inputs[: OWN_INPUTS + size]
    if len(programs) < size or len(inputs) < OWN_INPUTS + size:
        return None
    own = Problem(problem.id, "", "", problem.entry_point, inputs[:OWN_INPUTS], "", "", problem.prefix)
    rows = _ran(problem, programs, inputs)
    if any(outcome.status is not Status.OK for outcome in rows[0]):
        return None
    drawn = [Candidate(problem.id, k, None, "", c, "stop", None, None, None, 1) for k, c in enumerate(programs)]
    pool = Pool(own, drawn, [Trace(problem.id, k, row[:OWN_INPUTS]) for k, row in enumerate(rows)])
    replies = tuple(
        ReadTests((GeneratedTest(problem.id, k, 0, text, rows[0][OWN_INPUTS + k].value),), {})
        for k, text in enumerate(inputs[OWN_INPUTS:])
    )
    return Tried(pool, agreement(pool, EQUALITY, Behaviour(False, None)), replies)


def programs_of(problem: Problem, code: str, size: int, written: Mapping[str, Sequence[str]] | None) -> tuple[str, ...]:
    """The reference solution and mutants of it, or programs that were written for the problem; ``size`` in all."""
    others = mutants(code, problem.entry_point, size - 1, 0) if written is None else written.get(problem.id, ())
    return (code, *others)[:size]


def _ran(problem: Problem, programs: Sequence[str], inputs: Sequence[str]) -> list[tuple[Outcome, ...]]:
    (result,) = execute([job_of(problem, programs, inputs)], PROGRAMS, 1)
    return list(result.rows)


def main() -> None:
    """Time one step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path, help="HumanEvalPlus.jsonl.gz")
    parser.add_argument("--pool", type=Path, help="programs of a model, in the form of conself.score")
    parser.add_argument("--problems", type=int, default=32)
    parser.add_argument("--size", type=int, default=8, help="programs, and tests, of a problem")
    parser.add_argument("--mutants", type=int, default=16)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    data = HumanEvalPlus(str(args.path), "evalplus/humanevalplus", "main", ["data/*.parquet"], False, None)
    task = DatasetBenchmark(data, EQUALITY)()
    known = references(task)
    written = {row["id"]: [c["code"] for c in row["candidates"]] for row in lines(args.pool)} if args.pool else None
    made = (
        tried(problem, programs_of(problem, known[problem.id], args.size, written), args.size)
        for problem in task.problems
        if problem.id in known
    )
    step = [each for each in made if each is not None][: args.problems]
    how = Verification("reply", CodeT(0.5), EQUALITY, args.mutants)
    before, began = _cpu(), time.perf_counter()
    with kept(PROGRAMS, args.workers) as run, kept(MUTANTS, args.workers) as run_mutants:
        found = verify(step, how, run, run_mutants, 0, 0)
    took, seconds = _cpu() - before, time.perf_counter() - began
    pairs = len(step) * args.size**2
    late = sum(o.status is Status.TIMEOUT for t in step for trace in t.pool.traces for o in trace.outcomes)
    killed = sum(len(each.evidence.kills) for each in found if each.evidence is not None)
    print(f"{len(step)} problems, {pairs} pairs of program and test, {killed} mutants that differ, {late} time-outs")
    print(f"{took:.1f} s of CPU time ({1000 * took / pairs:.2f} ms a pair), {seconds:.1f} s on {args.workers} workers")


def _cpu() -> float:
    """Seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
