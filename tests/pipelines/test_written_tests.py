"""Tests of benchmarks' problems, graded by a reference solution and its mutants, all by hand; replies are given."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from conself.agreement.comparison import Comparison
from conself.benchmarks.task import Judge, Task
from conself.oracles import Oracle, TestOracle
from conself.pipelines.context import Context
from conself.pipelines.parts import Drawing
from conself.pipelines.written_tests import StoredMutant, stored_programs, written
from conself.records import GradedReply, ModelRef, Problem
from conself.store.tables import read_records
from tests.pipelines.test_testing import config as parts_of_testers
from tests.proposers.canned import Answer, Canned, InThisProcess

EQUALITY = Comparison(True, "by_value", "tolerance", 6, True)
REFERENCE = "def f(x): return 2 * x"
MODEL = ModelRef("nobody", None, None, "float32", "sdpa", None)


@dataclass(frozen=True)
class Doubling:
    """Two problems with a reference solution, and one without."""

    with_programs: bool = True

    def __call__(self) -> Task:
        problems = [Problem(name, f"problem {name}", "", "f", ("(1,)", "(3,)"), "", "") for name in "abc"]
        known = {name: TestOracle(name, REFERENCE, "assert f(1) == 2") for name in "ab" if self.with_programs}
        return Task(problems, Judge({"c": Oracle("c", ("2", "6")), **known}, EQUALITY), {})

    def statements(self) -> list[str]:
        return []

    def wordings(self) -> list[str]:
        return []

    def fingerprint(self) -> str:
        return f"doubling {self.with_programs}"


def answer(text: str, seed: int) -> str:  # noqa: ARG001
    return "f(3) == 6\nf(0) == 0" if "problem a" in text else "f(1) == 3"


@dataclass(frozen=True)
class Writing(Canned):
    """Writes a right reply and a wrong one."""

    answer: Answer = answer


def config(**benchmark: object) -> DictConfig:
    node = parts_of_testers()
    target = {"_target_": "tests.pipelines.test_written_tests.Doubling", **benchmark}
    limits = {**node.sandbox, "max_timeouts": 1}
    writing = {"n_mutants": 16, "inputs": 2, "seed": 0, "reader": node.testing.reader, "limits": limits}
    writer = {
        "_target_": "conself.samplers.tester.Tester",
        "n": 1,
        "temperature": 0.0,
        "top_p": 1.0,
        "max_new_tokens": 9,
        "entropy_top_k": 1,
        "seed": 0,
        "cases": 5,
        "texts": node.testing.prompts,
        "prompts": node.prompts,
    }
    engine = {"_target_": "tests.pipelines.test_written_tests.Writing"}
    parts = {"benchmark": {"doubling": target}, "writing": writing, "writer": writer, "engine": engine}
    return OmegaConf.create({**parts, "comparison": node.comparison})


def test_replies_are_graded_by_the_reference_and_by_mutants_that_differ_from_it(tmp_path: Path) -> None:
    """Of 2 * x there are 3 * x and 2 / x, both unlike it on 1 or 3; the right reply kills each by input 3."""
    settings, context = config(), Context(tmp_path, InThisProcess(1), Console(quiet=True))
    drawing = Drawing.of(settings.writer, settings.engine, MODEL)
    made = written(context, settings, "doubling", drawing, "base")
    found = made.summary()
    assert (found["accuracy"], found["unparsable"], found["mutation_score"]) == (0.5, 0, 0.5)
    assert (found["n_replies"], found["problems"], found["cut_at_limit"]) == (2, 2, 0)
    grades = read_records(made.path, GradedReply, "graded")
    assert grades == [GradedReply("a", 1, 1.0), GradedReply("b", 0, 0.0)]
    stored = context.artifacts["mutants/doubling"]
    assert stored.summary() == {
        "problems": 2,
        "mutants": 4,
        "equivalent": 0,
        "without_reference": 1,
        "failing_references": 0,
    }
    programs = stored_programs(stored)
    assert programs["a"][0] == REFERENCE
    assert {code.partition("return ")[2] for code in programs["a"][1:]} == {"3 * x", "2 / x"}
    assert len(read_records(stored.path, StoredMutant, "mutants")) == 6
    again = written(context, settings, "doubling", drawing, "base")
    assert again.key == made.key


def test_a_benchmark_without_reference_solutions_is_refused(tmp_path: Path) -> None:
    settings, context = config(with_programs=False), Context(tmp_path, InThisProcess(1), Console(quiet=True))
    drawing = Drawing.of(settings.writer, settings.engine, MODEL)
    with pytest.raises(ValueError, match="has no reference solutions to measure tests by; take benchmark="):
        written(context, settings, "doubling", drawing, "base")
