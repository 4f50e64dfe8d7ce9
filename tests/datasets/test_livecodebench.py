"""LiveCodeBench's files: both kinds of problems, tests packed as the benchmark packs them, and hostile ones."""

import base64
import json
import os
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.datasets.livecodebench import PREFIX, LiveCodeBench
from conself.datasets.private_tests import pickled_text, private_tests
from conself.datasets.validation import Rejected, sift
from conself.oracles import LiveCodeBenchOracle
from conself.records import Problem
from conself.sandbox import Job, Limits, Outcome, Status, canonical, execute
from conself.sandbox.prefix import with_prefix
from conself.sandbox.screen import DENIED_IN_CALLS, clears
from tests.datasets.writing import write_lines

LIMITS = Limits(4.0, 20.0, memory_mb=1024, output_kb=4096, max_timeouts=3)
STARTER = "class Solution:\n    def total(self, nums: List[int], k: int) -> int:\n        "
FUNCTION = [{"input": "[1, 2]\n3", "output": "6", "testtype": "functional"}]
STDIN = [{"input": "1 2\n", "output": "3\n", "testtype": "stdin"}]


def packed(tests: Any, protocol: int = 4) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(json.dumps(tests), protocol))).decode()


def row(**change: Any) -> dict[str, Any]:
    return {
        "question_title": "Sum",
        "question_content": "Print the sum of two numbers.",
        "platform": "atcoder",
        "question_id": "abc301_a",
        "contest_date": "2023-05-13T00:00:00",
        "starter_code": "",
        "difficulty": "easy",
        "public_test_cases": json.dumps([*STDIN, {"input": "0 0\n", "output": "0\n", "testtype": "stdin"}]),
        "private_test_cases": packed([{"input": "5 5\n", "output": "10\n", "testtype": "stdin"}]),
        "metadata": "{}",
        **change,
    }


METHOD = row(
    question_id="2727",
    question_content="Add k to the sum of nums.",
    starter_code=STARTER,
    difficulty="hard",
    public_test_cases=json.dumps(FUNCTION),
    private_test_cases=packed([{"input": "[]\n-1", "output": "-1", "testtype": "functional"}]),
    metadata='{"func_name": "total"}',
)


def dataset(
    folder: Path,
    strict: bool = True,
    version: str = "release_v1",
    max_tests_mb: int = 1,
    days: tuple[str | None, str | None] = (None, None),
) -> LiveCodeBench:
    return LiveCodeBench(version, str(folder), "owner/name", "main", strict, max_tests_mb, *days)


def only(folder: Path, **change: Any) -> Problem | Rejected:
    write_lines(folder / "test.jsonl", [row(**change)])
    (found,) = dataset(folder, strict=False)()
    return found


def test_stdin_and_functional_problems(tmp_path: Path) -> None:
    write_lines(tmp_path / "test.jsonl", [row(), METHOD])
    one, two = dataset(tmp_path)()
    assert one == Problem(
        "livecodebench/abc301_a",
        "Print the sum of two numbers.",
        "",
        None,
        ("1 2\n", "0 0\n", "5 5\n"),
        "livecodebench",
        "easy",
        PREFIX,
    )
    assert isinstance(two, Problem)
    assert (two.id, two.entry_point, two.starter_code) == ("livecodebench/2727", "total", STARTER)
    assert (two.inputs, two.difficulty) == (("([1, 2], 3)", "([], -1)"), "hard")
    assert list(dataset(tmp_path).oracles()) == [
        LiveCodeBenchOracle("livecodebench/abc301_a", (canonical("3\n"), canonical("0\n"), canonical("10\n"))),
        LiveCodeBenchOracle("livecodebench/2727", ("6", "-1")),
    ]
    assert list(dataset(tmp_path).statements()) == ["Print the sum of two numbers.", "Add k to the sum of nums."]


def test_a_release_is_its_first_files(tmp_path: Path) -> None:
    for number in range(1, 7):
        name = "test.jsonl" if number == 1 else f"test{number}.jsonl"
        write_lines(tmp_path / name, [row(question_id=str(number))])
    for version, ids in (("release_v1", "1"), ("release_v2", "12"), ("release_v5", "12345"), ("release_v6", "123456")):
        problems, _ = sift(dataset(tmp_path, version=version)())
        assert [problem.id for problem in problems] == [f"livecodebench/{i}" for i in ids]
    assert len({dataset(tmp_path, version=f"release_v{n}").fingerprint() for n in (1, 5, 6)}) == 3
    (tmp_path / "test4.jsonl").unlink()
    with pytest.raises(ValueError, match=r"matches test4\.jsonl"):  # or a part would be taken for the release
        list(dataset(tmp_path, version="release_v5")())
    with pytest.raises(ValueError, match=r"dataset\.version must be release_v<number>.*got 'v5'"):
        dataset(tmp_path, version="v5")


def test_right_answers_give_what_is_expected(tmp_path: Path) -> None:
    """Programs as the benchmark's own harness takes them: they use names of the standard library without imports."""
    write_lines(tmp_path / "test.jsonl", [row(), METHOD])
    problems, _ = sift(dataset(tmp_path)())
    wanted = {oracle.problem_id: oracle.expected for oracle in dataset(tmp_path).oracles()}
    programs = (
        "print(reduce(add, map(int, input().split())))",
        STARTER + "return sum(accumulate([sum(nums), k])) - sum(nums)",
    )
    jobs = [Job(p.id, (p.prefix + c,), p.entry_point, p.inputs) for p, c in zip(problems, programs, strict=True)]
    for result in execute(jobs, LIMITS, workers=1):
        assert result.rows[0] == tuple(Outcome(Status.OK, value) for value in wanted[result.job.id])


def test_the_prefix_costs_no_program_its_fast_path() -> None:
    program = with_prefix(PREFIX, "def f(a: List[int]): return Counter(a), sqrt(2), cache, heapq, date, gcd\n")
    assert clears(compile(program, "program", "exec"), DENIED_IN_CALLS)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("tests", [STDIN, FUNCTION * 300])
def test_private_tests_of_every_protocol(protocol: int, tests: list[Any]) -> None:
    assert private_tests(packed(tests, protocol), 1 << 20) == tests


def test_private_tests_as_plain_json() -> None:
    assert private_tests(json.dumps(STDIN), 1 << 20) == STDIN


@given(st.text(max_size=300), st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_a_pickled_text_is_read_as_pickle_reads_it(text: str, protocol: int) -> None:
    assert pickled_text(pickle.dumps(text, protocol)) == text


class Hostile:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_hostile_pickle_does_not_run(protocol: int, tmp_path: Path) -> None:
    trace = tmp_path / "it ran"
    data = pickle.dumps(Hostile(trace), protocol)
    with pytest.raises(ValueError, match=r"a pickle of more than a text .* not opened"):
        private_tests(base64.b64encode(zlib.compress(data)).decode(), 1 << 20)
    assert not trace.exists()
    pickle.loads(data)  # it would have run
    assert trace.is_dir()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04",
        b"\x80\x04N.",
        b"cos\nsystem\n.",
        pickle.dumps(["a", "b"]),
        pickle.dumps({"a": "b"}),
        b"\x80\x04\x8c\x01a\x8c\x01b.",  # two texts
        b"\x80\x04\x8d" + (1 << 60).to_bytes(8, "little") + b"a.",  # a text that claims to be an exabyte long
        b"\x80\x04r\xff\xff\xff\x7f.",  # a memo of two billion entries, and no text
        b"\xff\xff",
    ],
)
def test_pickles_of_anything_else_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"pickle|not enough data|expected|opcode|exhausted|bytes"):
        pickled_text(data)


def test_a_bomb_does_not_go_off(tmp_path: Path) -> None:
    bomb = base64.b64encode(zlib.compress(b"0" * (64 << 20), 9)).decode()
    assert len(bomb) < 1 << 17
    with pytest.raises(ValueError, match=r"unpack to more than 1048576 bytes; raise dataset\.max_tests_mb"):
        private_tests(bomb, 1 << 20)
    assert only(tmp_path, private_test_cases=bomb) == Rejected("livecodebench/0", "malformed record")
    assert isinstance(only(tmp_path, private_test_cases=packed(STDIN * 17_000)), Problem)  # 1 MB, just below


@pytest.mark.parametrize(
    "change",
    [
        {"question_id": None},
        {"question_content": 5},
        {"metadata": "[1]"},
        {"metadata": '{"func_name": 5}'},
        {"public_test_cases": "{"},
        {"public_test_cases": '[{"input": "1", "output": "1"}]'},
        {"public_test_cases": json.dumps(FUNCTION)},
        {"public_test_cases": '[{"input": 1, "output": "1", "testtype": "stdin"}]'},
        {"private_test_cases": "no base64!"},
        {"private_test_cases": base64.b64encode(b"no zlib").decode()},
        {"private_test_cases": base64.b64encode(zlib.compress(pickle.dumps("x" * 99))[:-9]).decode()},
        {"private_test_cases": packed("no list")},
    ],
    ids=str,
)
def test_malformed_records_are_skipped_or_stop(change: dict[str, Any], tmp_path: Path) -> None:
    assert only(tmp_path, **change) == Rejected("livecodebench/0", "malformed record")
    with pytest.raises(ValueError, match=r"^livecodebench/0: .*; dataset\.strict=false skips such records$"):
        list(dataset(tmp_path)())


def test_a_problem_without_tests_is_counted(tmp_path: Path) -> None:
    write_lines(tmp_path / "test.jsonl", [row(public_test_cases="[]", private_test_cases="[]"), METHOD])
    kept, dropped = sift(dataset(tmp_path)())
    assert [problem.id for problem in kept] == ["livecodebench/2727"]
    assert dropped == {"no inputs": 1}


@pytest.mark.parametrize(
    ("start", "end", "inside"),
    [
        (None, None, "abcd"),
        ("2024-10-01", None, "bcd"),
        (None, "2025-02-27", "ab"),
        ("2024-10-01", "2025-02-28", "bc"),
        ("2025-03-02", "2025-03-02", ""),
    ],
)
def test_a_window_has_both_its_days_and_counts_what_is_outside(
    start: str | None, end: str | None, inside: str, tmp_path: Path
) -> None:
    days = {"a": "2024-09-30T00:00:00", "b": "2024-10-01", "c": "2025-02-28T23:00:00", "d": "2025-03-01"}
    lines = [row(question_id=name, contest_date=day) for name, day in days.items()]
    write_lines(tmp_path / "test.jsonl", lines)
    found = list(dataset(tmp_path, days=(start, end))())
    assert "".join(item.id[-1] for item in found if isinstance(item, Problem)) == inside
    assert [item.reason for item in found if isinstance(item, Rejected)] == ["outside the date window"] * (
        4 - len(inside)
    )
    assert len(list(dataset(tmp_path, days=(start, end)).oracles())) == len(inside)
    assert len(list(dataset(tmp_path, days=(start, end)).statements())) == 4, "none of the release is trained on"


def test_a_window_that_makes_no_sense_or_a_problem_without_a_date(tmp_path: Path) -> None:
    for days, message in (
        (("2024-13-01", None), "start must be a day such as 2024-10-01"),
        ((None, "soon"), "end must be a day"),
        (("2025-01-02", "2025-01-01"), "start=2025-01-02 is after dataset.end=2025-01-01"),
    ):
        with pytest.raises(ValueError, match=message):
            dataset(tmp_path, days=days)
    write_lines(tmp_path / "test.jsonl", [row(contest_date=None)])
    (found,) = dataset(tmp_path, strict=False, days=("2024-10-01", None))()
    assert isinstance(found, Rejected)
    assert found.reason == "malformed record"
