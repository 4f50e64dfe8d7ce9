"""Drawing, problem by problem: what is on disk is not drawn again, and every process has work to the end."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import pytest
from rich.console import Console

from conself.executors.local import LocalExecutor
from conself.pipelines.sampling import sample_into, without_room
from conself.pipelines.shards import SHARD
from conself.records import Candidate, Problem
from conself.samplers.recorded import Recorded
from conself.samplers.sampler import Asking
from conself.store.tables import read_records


@dataclass(frozen=True)
class Bench:
    executor: LocalExecutor
    console: Console


def problem(index: int) -> Problem:
    return Problem(f"p{index}", "s", "", "f", ("(1,)", "(1,)"), "", "")


def candidate(index: int) -> Candidate:
    return Candidate(f"p{index}", 0, None, "", None, "stop", None, None, None, 1)


def test_an_answer_without_a_token_at_the_limit_had_no_room() -> None:
    empty = replace(candidate(0), finish_reason="length", n_tokens=0)
    cut = replace(candidate(0), finish_reason="length", n_tokens=9)
    assert without_room([candidate(0), empty, cut, empty]) == 2


@dataclass(frozen=True)
class Cut:
    processes: int
    shards_per_task: int
    threads: int = 1


@dataclass(frozen=True)
class Echo:
    """Draws one candidate per problem, which says which call of the sampler drew it; fails at problem ``fails``."""

    runtime: Cut
    fails: str
    worth_a_call: int = 1
    asks: bool = True

    def settled(self, model: None) -> Self:  # noqa: ARG002
        return self

    def __call__(self, problems: Iterable[Problem], model: None) -> Iterator[list[Candidate]]:  # noqa: ARG002
        first = ""
        for p in problems:
            first = first or p.id
            if p.id == self.fails:
                raise ValueError("no more")
            yield [Candidate(p.id, 0, None, first, None, "stop", None, None, None, 2)]


def test_one_call_of_a_sampler_streams_through_several_shards(tmp_path: Path) -> None:
    problems = [problem(i) for i in range(5 * SHARD)]
    with LocalExecutor(1) as workers:
        sample_into(Bench(workers, Console(quiet=True)), tmp_path, "drawn", "", Echo(Cut(1, 3), ""), None, problems)
    drawn = read_records(tmp_path, Candidate, "drawn")
    assert [c.problem_id for c in drawn] == [p.id for p in problems]
    assert [c.text for c in drawn] == ["p0"] * 125 + ["p125"] * 125, "two calls for five shards"


def test_shards_are_spread_over_the_processes(tmp_path: Path) -> None:
    problems = [problem(i) for i in range(3 * SHARD + 1)]
    with LocalExecutor(1) as workers:
        both = Bench(workers, Console(quiet=True))
        sample_into(both, tmp_path, "drawn", "", Echo(Cut(2, 20), ""), None, problems)
    drawn = read_records(tmp_path, Candidate, "drawn")
    assert {c.text for c in drawn} == {"p0", "p76"}


def test_problems_drawn_before_an_error_in_the_same_call_are_kept(tmp_path: Path) -> None:
    problems = [problem(i) for i in range(3 * SHARD)]
    with LocalExecutor(1) as workers:
        one = Bench(workers, Console(quiet=True))
        with pytest.raises(ValueError, match="no more"):
            sample_into(one, tmp_path, "drawn", "", Echo(Cut(1, 3), f"p{2 * SHARD + 7}"), None, problems)
        assert len(list(tmp_path.glob("drawn-*.parquet"))) == 2
        sample_into(one, tmp_path, "drawn", "", Echo(Cut(1, 3), ""), None, problems)
    drawn = read_records(tmp_path, Candidate, "drawn")
    assert [c.text for c in drawn] == ["p0"] * (2 * SHARD + 7) + [f"p{2 * SHARD + 7}"] * (SHARD - 7)
    assert not list(tmp_path.glob("*.journal"))


@dataclass(frozen=True)
class Tired:
    runtime: Cut
    worth_a_call: int = 1
    asks: bool = True

    def settled(self, model: None) -> Self:  # noqa: ARG002
        return self

    def __call__(self, problems: Iterable[Problem], model: None) -> Iterator[list[Candidate]]:  # noqa: ARG002
        for p, _ in zip(problems, range(SHARD + 7), strict=False):
            yield [Candidate(p.id, 0, None, "", None, "stop", None, None, None, 2)]


def test_a_sampler_that_stops_early_leaves_no_shard_with_holes(tmp_path: Path) -> None:
    with LocalExecutor(1) as workers:
        one = Bench(workers, Console(quiet=True))
        with pytest.raises(ValueError, match=f"Tired gave nothing for problem 'p{SHARD + 7}'"):
            sample_into(one, tmp_path, "drawn", "", Tired(Cut(1, 3)), None, [problem(i) for i in range(2 * SHARD)])
    assert [path.name for path in tmp_path.glob("drawn-*.parquet")] == [f"drawn-0000000-{SHARD}.parquet"]


def test_what_an_earlier_try_had_drawn_is_counted(tmp_path: Path) -> None:
    """Three shards of 50, of which a failure leaves two and seven problems: the rest has other company."""
    problems = [problem(i) for i in range(3 * SHARD)]
    with LocalExecutor(1) as workers:
        one = Bench(workers, Console(quiet=True))
        with pytest.raises(ValueError, match="no more"):
            sample_into(one, tmp_path, "drawn", "", Echo(Cut(1, 1), f"p{2 * SHARD + 7}"), None, problems)
        for _ in range(2):  # the second has nothing left to draw: a run killed once more, after this
            assert sample_into(one, tmp_path, "drawn", "", Echo(Cut(1, 1), ""), None, problems) == {
                "drawn_before": 2 * SHARD + 7
            }
        whole = tmp_path / "whole"
        whole.mkdir()
        assert sample_into(one, whole, "drawn", "", Echo(Cut(1, 1), ""), None, problems) == {}


def drawn_by(tmp_path: Path, cut: Cut, count: int, fails: str = "", worth_a_call: int = 1) -> list[Candidate]:
    tmp_path.mkdir(exist_ok=True)
    with LocalExecutor(1) as workers:
        one = Bench(workers, Console(quiet=True))
        echo = Echo(cut, fails, worth_a_call)
        sample_into(one, tmp_path, "drawn", "", echo, None, [problem(i) for i in range(count)])
    return read_records(tmp_path, Candidate, "drawn")


def test_few_problems_are_cut_further_so_that_all_processes_have_work(tmp_path: Path) -> None:
    drawn = drawn_by(tmp_path, Cut(2, 1), SHARD + 10)  # 60 problems, 2 processes, 4 turns: 8 problems a call
    assert [c.problem_id for c in drawn] == [f"p{i}" for i in range(SHARD + 10)]
    assert sorted({int(c.text[1:]) for c in drawn}) == list(range(0, SHARD + 10, 8))
    wide = drawn_by(tmp_path / "wide", Cut(2, 1), SHARD + 10, worth_a_call=12)
    assert sorted({int(c.text[1:]) for c in wide}) == [0, 15, 30, 45], "60 problems are two turns of 12 or more for two"
    assert drawn_by(tmp_path / "alone", Cut(1, 1), 20)[-1].text == "p0", "one process draws whole shards"


def test_a_killed_run_goes_on_after_the_last_whole_line_whatever_its_cut(tmp_path: Path) -> None:
    odd = {"text": "\u2028 \x85 {\n", "mean_nll": 0.1 + 0.2, "code": 'x = "\\n"'}
    kept = {f"p{i}": replace(candidate(i), **odd, n_tokens=i) for i in range(10, 13)}
    lines = [json.dumps({"id": name, "candidates": [asdict(c)]}) for name, c in kept.items()]
    (tmp_path / f"drawn-0000000-{SHARD}.010.journal").write_text("\n".join(lines)[:-9])
    with pytest.raises(ValueError, match="no more"):
        drawn_by(tmp_path, Cut(2, 1), 16, fails="p12")
    assert not list(tmp_path.glob("*.parquet"))
    drawn = drawn_by(tmp_path, Cut(1, 1), 16)
    assert [c.problem_id for c in drawn] == [f"p{i}" for i in range(16)]
    assert drawn[10:12] == [kept["p10"], kept["p11"]]
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"drawn-0000000-{SHARD}.parquet", "drawn.drawn_before"]


def test_a_call_holds_as_many_problems_as_keep_its_process_busy(tmp_path: Path) -> None:
    drawn = drawn_by(tmp_path, Cut(1, 1), 3 * SHARD, worth_a_call=4 * SHARD)
    assert {c.text for c in drawn} == {"p0"}, "one answer to each of 150 problems would leave most rows empty by shards"


def test_a_file_of_answers_is_read_again_as_a_whole_after_a_kill(tmp_path: Path) -> None:
    """It says which answers are of no problem, and so must be shown all problems, not those that are left."""
    lines = [json.dumps({"task_id": f"p{i}", "solution": f"x = {i}"}) for i in range(SHARD + 2)]
    (tmp_path / "answers.jsonl").write_text("\n".join(lines))
    asked = Asking.of(Recorded(str(tmp_path / "answers.jsonl"), True, False), None)
    problems = [problem(i) for i in range(SHARD + 2)]
    folder = tmp_path / "store"
    folder.mkdir()
    with LocalExecutor(1) as workers:
        one = Bench(workers, Console(quiet=True))
        sample_into(one, folder, "drawn", "", asked, None, problems)
        sorted(folder.glob("drawn-*.parquet"))[-1].unlink()  # killed between the two shards
        assert sample_into(one, folder, "drawn", "", asked, None, problems) == {}
    assert [c.code for c in read_records(folder, Candidate, "drawn")] == [f"x = {i}" for i in range(SHARD + 2)]
