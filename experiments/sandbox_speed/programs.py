"""The programs that are run: a candidate pool for HumanEval and stdin programs, from local files."""

import ast
import gzip
import json
from collections.abc import Iterable, Iterator, Set
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

_WHERE = (
    "the pool has candidates (task_id, prompt, unique) with inputs.jsonl beside them, HumanEval.jsonl.gz comes from "
    "openai/human-eval, stdin programs have one JSON line each (task_id, program, tests with stdin): see README.md"
)


@dataclass(frozen=True)
class Problem:
    """Programs, ``prompt`` + a completion each, with their inputs; ``entry_point`` is None for stdin programs.

    ``inputs`` are literals of argument tuples, or texts for standard input. ``test`` and ``canonical`` are HumanEval's
    own, for executors that judge; they never go into ours.
    """

    id: str
    entry_point: str | None
    prompt: str
    completions: tuple[str, ...]
    inputs: tuple[str, ...]
    test: str = ""
    canonical: str = ""

    @property
    def programs(self) -> tuple[str, ...]:
        """The whole texts."""
        return tuple(self.prompt + completion for completion in self.completions)


def call_problems(pool: Path, human_eval: Path) -> list[Problem]:
    """The distinct programs of a candidate pool, with the inputs of ``inputs.jsonl`` beside it.

    FileNotFoundError and KeyError name what is missing.
    """
    inputs = {row["task_id"]: row["inputs"] for row in _rows(pool.with_name("inputs.jsonl"))}
    tasks = {row["task_id"]: row for row in _rows(human_eval)}
    return [
        Problem(
            row["task_id"],
            tasks[row["task_id"]]["entry_point"],
            row["prompt"],
            tuple(row["unique"]),
            tuple(_literal(item) for item in inputs[row["task_id"]]),
            tasks[row["task_id"]]["test"],
            tasks[row["task_id"]]["prompt"] + tasks[row["task_id"]]["canonical_solution"],
        )
        for row in _rows(pool)
    ]


def stdin_problems(path: Path) -> list[Problem]:
    """One program per problem, with the sample inputs of its statement."""
    return [
        Problem(row["task_id"], None, "", (row["program"],), tuple(test["stdin"] for test in row["tests"]))
        for row in _rows(path)
    ]


def repeated(problem: Problem, at_least: int) -> Problem:
    """The same with all inputs repeated until there are ``at_least`` of them."""
    return replace(problem, inputs=problem.inputs * -(-at_least // len(problem.inputs)))


def split(problems: Iterable[Problem], slow: Set[tuple[str, int]]) -> tuple[list[Problem], list[Problem]]:
    """The problems without and with only the programs in ``slow``, pairs of problem id and index of the program."""
    parts: tuple[list[Problem], list[Problem]] = [], []
    for problem in problems:
        for is_slow, part in enumerate(parts):
            kept = tuple(
                text for index, text in enumerate(problem.completions) if ((problem.id, index) in slow) == bool(is_slow)
            )
            if kept:
                part.append(replace(problem, completions=kept))
    return parts


def sample(problems: Iterable[Problem], count: int) -> list[Problem]:
    """``count`` programs, evenly spread over all of them."""
    single = [replace(problem, completions=(text,)) for problem in problems for text in problem.completions]
    return [single[index * len(single) // count] for index in range(min(count, len(single)))]


def size(problems: Iterable[Problem]) -> tuple[int, int]:
    """The number of programs and of executions."""
    counts = [(len(problem.completions), len(problem.inputs)) for problem in problems]
    return sum(programs for programs, _ in counts), sum(programs * inputs for programs, inputs in counts)


def save(path: Path, problems: Iterable[Problem]) -> None:
    """Write problems as JSON."""
    path.write_text(json.dumps([asdict(problem) for problem in problems]))


def load(path: Path) -> list[Problem]:
    """Read what :func:`save` wrote."""
    rows = json.loads(path.read_text())
    return [Problem(**row | {"completions": tuple(row["completions"]), "inputs": tuple(row["inputs"])}) for row in rows]


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: {_WHERE}")
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        for line in file:
            yield json.loads(line)


def _literal(item: dict[str, Any]) -> str:
    """The tuple of arguments: JSON where that is exact, a Python literal otherwise."""
    return repr(tuple(item["json"] if "json" in item else ast.literal_eval(item["py"])))
