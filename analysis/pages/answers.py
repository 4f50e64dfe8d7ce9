"""A benchmark's problems answered by two models: a page per problem, base and tuned answer side by side.

Pages are plain HTML without scripts. Problems solved only after training come first, then those lost.
"""

import hashlib
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conself.records import Candidate, GradedReply, Outcome, Problem, Status, Trace, Verdict
from conself.store.tables import read_records, read_verdicts

from ..runs import Run, answers_at, artifact
from . import stream
from .html import answer_page, answers_page
from .values import cut, shown

KINDS = {"fixed": "fixed", "broken": "broken", "wrong": "wrong twice", "right": "right twice"}
"""Outcomes of a problem, in the order of the pages, with their names on them."""
ROWS = 30
"""Inputs that a page shows; those on which the two differ come first."""
SIDES = ("Base", "Tuned")
_VALUE, _TEXT, _TITLE, _SHORT = 400, 16_000, 110, 12


@dataclass(frozen=True)
class Answers:
    """Two ``evaluate`` artifacts of one benchmark, before and after, and the run they belong to.

    ``tests`` are the ``written_tests`` artifacts of the same two models, if the run graded their tests.
    """

    run: str
    benchmark: str
    before: Path
    after: Path
    tests: tuple[Path, Path] | None = None

    @property
    def folder(self) -> str:
        """Return the name of the folder of these pages: the same two artifacts share their pages."""
        keys = "/".join(path.name for path in (self.before, self.after, *(self.tests or ())))
        return hashlib.sha256(keys.encode()).hexdigest()[:_SHORT]


@dataclass(frozen=True)
class AnswerPages:
    """The pages written: their subject, their path from the report, and the number of problems of each kind."""

    answers: Answers
    href: str
    counts: dict[str, int]


def answers_of(runs: Sequence[Run]) -> list[Answers]:
    """Return the runs' pairs: base and last tuned model of a training run; an evaluation and its ``versus``.

    Missing artifacts are left out, and so is a pair that an earlier run already has.
    """
    found: dict[str, Answers] = {}
    for run in runs:
        for name in run.results.get("benchmarks") or {}:
            before, after = _folders(run, str(name))
            if before is not None and _is_whole(before) and _is_whole(after):
                paths = (before.resolve(), after.resolve(), _tests(run, str(name)))
                answers = Answers(f"{run.label}, {run.name}", str(name), *paths)
                found.setdefault(answers.folder, answers)
    return list(found.values())


def _folders(run: Run, benchmark: str) -> tuple[Path | None, Path]:
    base, kept = answers_at(run, benchmark, "base"), answers_at(run, benchmark, "tuned")
    if kept.exists():
        return base, kept
    versus = run.results.get("versus")
    return None if versus is None else _compared_with(Path(str(versus)), benchmark), base


def _tests(run: Run, benchmark: str) -> tuple[Path, Path] | None:
    """Return the artifacts of the tests that a run's model wrote of a benchmark, before and after training, if any."""
    before, after = (artifact(run, f"written_tests/{benchmark}/{side}").resolve() for side in ("base", "tuned"))
    return (before, after) if _is_whole(before) and _is_whole(after) else None


def _compared_with(versus: Path, benchmark: str) -> Path | None:
    """Return the answers behind ``versus=`` (a run folder, verdicts.jsonl or an artifact), or None if missing.

    For a training run, these are the answers of its last tuned model.
    """
    folder = versus.parent if versus.is_file() else versus
    tuned = f"artifacts/evaluate/{benchmark}/tuned"
    rounds = sorted(folder.glob(f"artifacts/round*/evaluate/{benchmark}/tuned"), key=_by_round, reverse=True)
    places = (*rounds, folder / tuned, folder / "artifacts" / "evaluate" / benchmark / "base", folder)
    return next((place for place in places if _is_whole(place)), None)


def _by_round(path: Path) -> tuple[int, str]:
    return len(str(path)), str(path)


def _is_whole(folder: Path) -> bool:
    return (folder / "manifest.json").is_file()


def without_answers(runs: Sequence[Run]) -> list[Run]:
    """Return the evaluations without pages, because the answers behind their ``versus`` are missing."""

    def lacks(run: Run) -> bool:
        return any(_folders(run, str(name))[0] is None for name in run.results.get("benchmarks") or {})

    return [run for run in runs if run.results.get("versus") is not None and lacks(run)]


def write_answer_pages(answers: Sequence[Answers], out: Path) -> list[AnswerPages]:
    """Write ``out/<folder>/index.html`` and ``1.html``, ``2.html``, ... for each pair of artifacts.

    Raises:
        ValueError: an artifact lacks a problem's answers; names it.
    """
    return [_write(each, out / each.folder, out.name) for each in answers]


def _write(answers: Answers, folder: Path, parent: str) -> AnswerPages:
    verdicts = [{v.problem_id: v for v in _verdicts(path)} for path in (answers.before, answers.after)]
    kinds = {name: _kind(verdicts[0][name], verdict) for name, verdict in verdicts[1].items() if name in verdicts[0]}
    order = list(KINDS)
    numbers = {name: n for n, name in enumerate(sorted(kinds, key=lambda name: order.index(kinds[name])), start=1)}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    title = f"{answers.benchmark}: {answers.run}"
    tests = [written_in(path) for path in answers.tests or ()]
    rows: dict[int, dict[str, Any]] = {}
    for problem, sides in _problems(answers):
        if (number := numbers.get(problem.id)) is None:
            continue
        found = [side[problem.id] for side in verdicts]
        page = _page(problem, sides, found) | {"kind": KINDS[kinds[problem.id]]}
        page |= {"title": title, "number": number, "last": len(numbers)}
        page["tests"] = [
            (name, *side[problem.id]) for name, side in zip(SIDES, tests, strict=False) if problem.id in side
        ]
        (folder / f"{number}.html").write_text(answer_page(page), encoding="utf-8", errors="backslashreplace")
        words = " ".join(problem.statement[: 4 * _TITLE].split())[:_TITLE]
        rows[number] = {"id": problem.id, "kind": page["kind"], "words": words, "difficulty": problem.difficulty}
    counts = Counter(kinds.values())
    listed = {KINDS[kind]: counts[kind] for kind in order}
    index = {"title": title, "counts": listed, "rows": sorted(rows.items())}
    (folder / "index.html").write_text(answers_page(index), encoding="utf-8", errors="backslashreplace")
    return AnswerPages(answers, f"{parent}/{answers.folder}/index.html", listed)


def written_in(folder: Path) -> dict[str, tuple[str, str]]:
    """Read the tests that a model wrote: problem id -> the text of the first reply, and its grade in words."""
    rows = read_records(folder, GradedReply, "graded")
    replies = read_records(folder, Candidate, "replies")
    right = Counter(row.problem_id for row in rows if row.accurate)
    drawn = Counter(row.problem_id for row in rows)
    found: dict[str, tuple[str, str]] = {}
    for row, reply in zip(rows, replies, strict=True):
        name, several = row.problem_id, drawn[row.problem_id]
        of_all = f"; {right[name]} of {several} replies are right, this is the first" if several > 1 else ""
        found.setdefault(name, (_short(reply.text, _TEXT), _grade(row) + of_all))
    return found


def _grade(row: GradedReply) -> str:
    if row.accurate is None:
        return "cannot be read as tests"
    if not row.accurate:
        return "a test is wrong: the reference solution fails it"
    return "right" if row.killed is None else f"right, and {row.killed:.0%} of the mutants fail"


def _verdicts(folder: Path) -> list[Verdict]:
    return read_verdicts(folder / "verdicts.jsonl")


def _kind(before: Verdict, after: Verdict) -> str:
    first, second = (sum(v.passed) / max(len(v.passed), 1) for v in (before, after))
    if first != second:
        return "fixed" if second > first else "broken"
    return "right" if first == 1 else "wrong"


def _problems(answers: Answers) -> Iterator[tuple[Problem, list[tuple[list[Candidate], list[Trace]]]]]:
    """Yield each problem of the second artifact, with the answers of both and their traces."""
    places = (answers.before, answers.after)
    texts = [stream.answers(place) for place in places]
    traces = [stream.traces(place) for place in places]
    for problem in stream.problems(answers.after):
        yield problem, [(t.take(problem.id), o.take(problem.id)) for t, o in zip(texts, traces, strict=True)]


def _page(
    problem: Problem, sides: Sequence[tuple[list[Candidate], list[Trace]]], verdicts: Sequence[Verdict]
) -> dict[str, Any]:
    """Return the page of one problem with the first answer of each side."""
    rows = list(zip(problem.inputs, *(traces[0].outcomes for _, traces in sides), strict=True))
    rows.sort(key=lambda row: row[1] == row[2])
    is_stdout = problem.entry_point is None
    return {
        "id": problem.id,
        "statement": _short(problem.statement, _TEXT),
        "starter": _short(problem.starter_code, _TEXT),
        "sides": [
            {
                "name": name,
                "code": _short(texts[0].text if texts[0].code is None else texts[0].code, _TEXT),
                "is_text": texts[0].code is None,
                "passed": sum(verdict.passed),
                "answers": len(verdict.passed),
            }
            for name, (texts, _), verdict in zip(SIDES, sides, verdicts, strict=True)
        ],
        "rows": [
            (_short(given, _VALUE), _output(one, is_stdout), _output(two, is_stdout), one != two)
            for given, one, two in rows[:ROWS]
        ],
        "inputs": len(problem.inputs),
    }


def _output(outcome: Outcome, is_stdout: bool) -> str:
    if outcome.status is Status.OK:
        return _short(shown(outcome.value, is_stdout), _VALUE)
    name = outcome.status.value.replace("_", " ")
    return f"{name}: {_short(outcome.value, _VALUE)}" if outcome.value else name


def _short(text: str, limit: int) -> str:
    found = cut(text, limit)
    return found if isinstance(found, str) else f"{found[0]} … ({found[1]:,} characters)"
