"""CodeT's samples of programs and of tests for HumanEval, run and judged: what the studies of this folder read.

``python -m experiments.generated_tests.pool --programs FILE --tests FILE --humaneval FILE --out DIR`` writes a line
per problem to DIR/judged.jsonl, and goes on where it was stopped.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

import conself.app.job  # noqa: F401  # its resolvers are named in conf/
from conself.agreement.comparison import Comparison
from conself.agreement.traces import trace_keys
from conself.benchmarks.dataset import DatasetBenchmark
from conself.benchmarks.task import Judge
from conself.datasets.humaneval import HumanEval
from conself.generated_tests.generated_test import GeneratedTest
from conself.generated_tests.passing import columns, distinct_inputs, passing_matrix
from conself.generated_tests.reader import TestReader
from conself.records import Candidate, Pool, Problem, Trace
from conself.runtime.console import new_console
from conself.runtime.places import make_folder
from conself.runtime.progress import working
from conself.sandbox import Job, Limits, execute
from conself.sandbox.prefix import with_prefix
from conself.sandbox.terminal import answer_interrupts
from experiments.codet import cut, lines

CONF = Path(__file__).parents[2] / "conf"
_DEFINED = re.compile(r"^def (\w+)\(", re.MULTILINE)
READER = TestReader(max_cases=5, max_literal_bytes=4096)
MOST_TESTS = 50
"""Distinct tests that are kept of a problem, the first ones."""
AT_ONCE = 8
Figures = dict[str, Any]
Table = Callable[[Figures], str]
NAME = "judged.jsonl"


@dataclass(frozen=True)
class Judged:
    """One problem with U distinct programs.

    Attributes:
        id: of the problem.
        samples: for each sample, in the order drawn, the index of its program.
        passed: U flags, by the benchmark's own tests.
        keys: U x M comparison keys on the benchmark's inputs, null = CRASH.
        tested: U x T comparison keys on the inputs of the generated tests.
        cells: U x C: whether the program passes the test, null where it crashes on it.
    """

    id: str
    samples: list[int]
    passed: list[bool]
    keys: list[list[str | None]]
    tested: list[list[str | None]]
    cells: list[list[bool | None]]


def load(folder: Path) -> list[Judged]:
    """All problems in ``folder``; raises SystemExit where there are none."""
    path = folder / NAME
    if not path.is_file():
        raise SystemExit(f"error: {path} is not there; make it by python -m experiments.generated_tests.pool")
    return [Judged(**json.loads(line)) for line in path.read_text().splitlines()]


def write_study(name: str, about: str | None, figures: Callable[[list[Judged]], Figures], table: Table) -> None:
    """A study's command: its figures of the pool in ``--pool`` as NAME.json and NAME.md in ``--out``, and printed."""
    parser = argparse.ArgumentParser(prog=f"python -m experiments.generated_tests.{name}", description=about)
    parser.add_argument("--pool", type=Path, required=True, metavar="DIR")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, metavar="DIR")
    args = parser.parse_args()
    problems = load(args.pool)
    try:
        out = make_folder(args.out, "--out")
    except OSError as error:
        raise SystemExit(f"error: {error}") from None
    found = figures(problems)
    (out / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")
    (out / f"{name}.md").write_text(table(found))
    print(table(found), end="")


def samples(path: Path, problems: Sequence[Problem]) -> dict[str, list[str]]:
    """The samples of each problem; CodeT's rows are in the order of ids as texts.

    Raises:
        ValueError: a row is not of the function whose turn it is, or there are more or fewer.
    """
    ordered = sorted(problems, key=lambda problem: problem.id)
    found = lines(path)
    asked = [(_DEFINED.findall(row["prompt"]) or [None])[-1] for row in found]
    if asked != [problem.entry_point for problem in ordered]:
        raise ValueError(f"{path} does not have the functions of the benchmark in the order of their ids")
    return {problem.id: row["samples"] for problem, row in zip(ordered, found, strict=True)}


def tests_of(problem: Problem, texts: Sequence[str]) -> list[GeneratedTest]:
    """The first ``MOST_TESTS`` distinct tests, of each reply the first five; CodeT's prompt ends in ``assert``."""
    read = [t for reply, text in enumerate(texts) for t in READER.of_reply(problem, reply, f"assert {text}").tests]
    return [test for (test,) in columns(read, "case", False)[:MOST_TESTS]]


@dataclass(frozen=True)
class Settings:
    """What runs and compares."""

    judge: Judge
    limits: Limits
    comparison: Comparison
    workers: int


def run(problems: Sequence[tuple[Problem, list[str], list[str]]], given: Settings) -> Iterator[Judged]:
    """Problems with their completions and their texts of tests, judged."""
    made, jobs = [], []
    for problem, completions, texts in problems:
        codes = [problem.starter_code + cut(text) for text in completions]
        programs, tests = list(dict.fromkeys(codes)), tests_of(problem, texts)
        whole = tuple(with_prefix(problem.prefix, code) for code in programs)
        inputs = distinct_inputs(tests, is_stdin=False)
        made.append((problem, codes, programs, tests, inputs))
        jobs += [
            Job(problem.id, whole, problem.entry_point, problem.inputs),
            Job(f"{problem.id} tested", whole, problem.entry_point, inputs),
        ]
    outcomes = {result.job.id: result.rows for result in execute(jobs, given.limits, given.workers)}
    ran = [(p, [Trace(p.id, u, row) for u, row in enumerate(outcomes[p.id])]) for p, *_ in made]
    passed = given.judge(ran, given.workers)
    for problem, codes, programs, tests, inputs in made:
        candidates = [Candidate(problem.id, u, None, code, code, "stop", None, None, None, 1)
                      for u, code in enumerate(programs)]  # fmt: skip

        def keys(name: str, asked: Problem, programs: list[Candidate] = candidates) -> list[list[str | None]]:
            traces = [Trace(asked.id, u, row) for u, row in enumerate(outcomes[name])]
            return trace_keys(Pool(asked, programs, traces), given.comparison)

        tested = replace(problem, inputs=inputs)
        matrix = passing_matrix(
            columns(tests, "case", False), inputs, outcomes[f"{problem.id} tested"], given.comparison, False
        )
        yield Judged(
            problem.id,
            [programs.index(code) for code in codes],
            list(passed[problem.id]),
            keys(problem.id, problem),
            keys(f"{problem.id} tested", tested),
            [list(row) for row in matrix.cells],
        )


def main() -> None:
    """Run what is not in the file yet."""
    parser = argparse.ArgumentParser(prog="python -m experiments.generated_tests.pool", description=__doc__)
    for name, about in (("programs", "CodeT's code_solution.jsonl.gz"), ("tests", "its test_case.jsonl.gz")):
        parser.add_argument(f"--{name}", type=Path, required=True, metavar="FILE", help=about)
    parser.add_argument("--humaneval", required=True, metavar="FILE", help="HumanEval.jsonl.gz")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    args = parser.parse_args()
    answer_interrupts()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train")
    try:
        out = make_folder(args.out, "--out")
        dataset = HumanEval(args.humaneval, "", "", (), strict=False, max_inputs=None)
        task = DatasetBenchmark(dataset, instantiate(config.comparison))()
        drawn, written = samples(args.programs, task.problems), samples(args.tests, task.problems)
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None
    limits = instantiate(config.sandbox, _convert_="all")
    given = Settings(task.judge, limits, instantiate(config.comparison), config.executor.workers)
    path = out / NAME
    done = {each.id for each in load(out)} if path.is_file() else set()
    left = [(problem, drawn[problem.id], written[problem.id]) for problem in task.problems if problem.id not in done]
    with working(new_console(stderr=True), "programs and tests"), path.open("a") as file:
        for group in (left[at : at + AT_ONCE] for at in range(0, len(left), AT_ONCE)):
            file.writelines(json.dumps(asdict(each)) + "\n" for each in run(group, given))
            file.flush()


if __name__ == "__main__":
    main()
