"""Draw candidates: journaled problem by problem, then written as tables shard by shard."""

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from conself.pipelines.shards import SHARD, Bench, cut, missing
from conself.pipelines.tasks import run_tasks
from conself.records import Candidate, ModelRef, Problem
from conself.runtime.console import say
from conself.runtime.progress import Meter
from conself.samplers.sampler import Asking
from conself.store.tables import write_records

_TURNS = 4
"""Calls of the sampler for each process, where there is work for them: so that none ends long before the others."""


@dataclass(frozen=True)
class Part:
    """Some problems of the shard whose table is ``path``, from index ``first`` of the shard."""

    path: Path
    first: int
    problems: list[Problem]

    @property
    def journal(self) -> Path:
        """The file that keeps finished problems, a JSON line each, until the shard is complete."""
        return self.path.with_suffix(f".{self.first:03d}.journal")


def sample_into(
    bench: Bench,
    folder: Path,
    name: str,
    label: str,
    sampler: Asking,
    model: ModelRef | None,
    problems: Sequence[Problem],
    written: Callable[[Path], None] = lambda _path: None,
) -> dict[str, int]:
    """Draw candidates for problems -> <name>-*.parquet in ``folder``; ``written`` is told of each table that is whole.

    A problem is on disk as soon as it is drawn: in a journal beside the table of its shard, which takes its place.
    A sampler that asks for nothing reads its file again as a whole, since it tells what in it belongs to no problem.
    Returns what a summary should say: ``drawn_before``, the number of problems that an earlier try had drawn when it
    was killed, if any: the others had other company, by which some engines, and GPUs, round differently.
    """
    if not sampler.asks:
        for path in folder.glob(f"{name}-*"):
            path.unlink()
    shards = {path: group for group, path in missing(folder, name, cut(problems))}
    done = {path: set(_journaled(path)) for path in shards}
    left = sum(len(group) - len(done[path]) for path, group in shards.items())
    before = _drawn_before(folder / f"{name}.drawn_before", len(problems) - left, left)
    if left:
        configured, sampler = sampler, sampler.settled(model)
        if sampler != configured:
            say(bench.console, f"{label}: {sampler.runtime}")
    tasks = [(sampler, model, parts) for parts in _tasks(shards, done, sampler)]
    executor = bench.executor.sized(sampler.runtime.processes or 1, sampler.runtime.threads or 1)
    with Meter(bench.console, label, sum(map(len, shards.values())), "problems", "tok") as meter:
        meter.skip(sum(map(len, done.values())))
        for path in sorted(set(folder.glob(f"{name}-*.parquet")) - set(shards)):
            written(path)
        for path in shards:
            _write_if_whole(path, shards[path], done[path], written)
        for path, problem_id, tokens in run_tasks(executor, sample_parts, tasks):
            if problem_id in done[path]:
                continue  # told again, since a worker died over its call
            done[path].add(problem_id)
            _write_if_whole(path, shards[path], done[path], written)
            meter.add(1, tokens)
    return {"drawn_before": before} if before else {}


def _drawn_before(note: Path, done: int, left: int) -> int:
    """Return how many problems were there when a killed run went on, also if that one was killed later; 0: none."""
    if done and left:
        note.write_text(f"{done}\n")
    return int(note.read_text()) if note.is_file() else 0


def _tasks(
    shards: Mapping[Path, list[Problem]], done: Mapping[Path, set[str]], sampler: Asking
) -> Iterator[list[Part]]:
    """Divide the problems that are still to draw into calls of the sampler."""
    left = [
        (path, at, problem)
        for path, group in shards.items()
        for at, problem in enumerate(group)
        if problem.id not in done[path]
    ]
    size = _size(len(left), sampler)
    for start in range(0, len(left), size):
        piece = left[start : start + size]
        yield [
            Part(path, problems[0][1], [problem for _, _, problem in problems])
            for path, problems in ((path, list(group)) for path, group in groupby(piece, key=itemgetter(0)))
        ]


def _size(total: int, sampler: Asking) -> int:
    """Return the number of problems per call: an equal share for each process, in several turns if there are enough.

    No call is larger than its shards, unless it takes more to keep the process busy: one answer each, say.
    """
    runtime, processes = sampler.runtime, sampler.runtime.processes or 1
    turns = -(-total // (processes * max(SHARD * runtime.shards_per_task, sampler.worth_a_call)))
    if runtime.shards_per_task == 1 and processes > 1:
        turns = max(turns, min(_TURNS, total // (processes * sampler.worth_a_call)))
    return max(1, -(-total // (processes * max(1, turns))))


def sample_parts(sampler: Asking, model: ModelRef | None, parts: Sequence[Part]) -> Iterator[tuple[Path, str, int]]:
    """Draw candidates for parts of shards in one stream, but for what an earlier try has left in their journals.

    Yields, per problem on disk, the table of its shard, its id and its number of tokens.

    Raises:
        ValueError: the sampler stops before the last problem.
    """
    kept = {part.journal: _kept(part.journal) for part in parts}
    left = (problem for part in parts for problem in part.problems if problem.id not in kept[part.journal])
    groups = sampler(left, model)
    for part in parts:
        with part.journal.open("a", encoding="utf-8") as journal:
            for problem in part.problems:
                if problem.id in kept[part.journal]:
                    yield part.path, problem.id, kept[part.journal][problem.id]
                    continue
                group = next(groups, None)
                if group is None:
                    raise ValueError(f"{type(sampler).__name__} gave nothing for problem {problem.id!r} and after")
                journal.write(json.dumps({"id": problem.id, "candidates": [asdict(c) for c in group]}) + "\n")
                journal.flush()
                yield part.path, problem.id, sum(c.n_tokens for c in group)


def _kept(journal: Path) -> dict[str, int]:
    """The tokens of each problem in a journal, by its id, once the line is cut off that a kill has cut in two."""
    if not journal.exists():
        return {}
    content = journal.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if len(whole) < len(content):
        os.truncate(journal, len(whole))
    rows = map(json.loads, whole.split(b"\n")[:-1])
    return {row["id"]: sum(candidate["n_tokens"] for candidate in row["candidates"]) for row in rows}


def _journaled(path: Path) -> dict[str, list[Candidate]]:
    """Read the journals of a shard, by problem id; a line truncated by a kill is skipped."""
    candidates = {}
    for journal in sorted(path.parent.glob(f"{path.stem}.*.journal")):
        for line in journal.read_text(encoding="utf-8").split("\n"):
            with suppress(json.JSONDecodeError):
                row = json.loads(line)
                candidates[row["id"]] = [Candidate(**fields) for fields in row["candidates"]]
    return candidates


def _write_if_whole(
    path: Path, problems: Sequence[Problem], done: Collection[str], written: Callable[[Path], None]
) -> None:
    """Write the table of a shard once all its problems are drawn, delete its journals, and call ``written``."""
    if len(done) == len(problems):
        by_problem = _journaled(path)
        write_records(path, Candidate, [candidate for problem in problems for candidate in by_problem[problem.id]])
        for journal in path.parent.glob(f"{path.stem}.*.journal"):
            journal.unlink()
        written(path)


def without_room(candidates: Iterable[Candidate]) -> int:
    """Count the candidates that are empty because their prompt fills the model's context."""
    return sum(c.finish_reason == "length" and c.n_tokens == 0 for c in candidates)
