"""Answers read from files: forms of files, ids, and what is wrong with them."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from conself.records import Candidate, Problem
from conself.samplers.recorded import Recorded, Sample, continued, matched, read_samples
from conself.samplers.sampler import Asking

ROOT = Path(__file__).parents[2]
PROMPT = "def f(n):\n"
POOL: dict[str, Any] = {"id": "T/0", "entry_point": "f", "inputs": [[1]]}


def problem(name: str) -> Problem:
    return Problem(name, "Add.", PROMPT, "f", ("(1,)",), "test", "")


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def answers(path: Path, *names: str, strict: bool = False, allowed: bool = False) -> list[list[Candidate]]:
    return list(Asking.of(Recorded(str(path), strict, allowed), None)((problem(name) for name in names), None))


def codes(groups: Sequence[Sequence[Candidate]]) -> list[list[str | None]]:
    return [[candidate.code for candidate in group] for group in groups]


def test_a_solution_is_a_program_and_a_completion_continues_the_prompt(tmp_path: Path) -> None:
    path = write(
        tmp_path / "s.jsonl",
        {"task_id": "T/1", "solution": "def f(n): return 1"},
        {"task_id": "T/0", "completion": "    return 0", "logprob": -1},
        {"task_id": "T/0", "completion": "not this", "solution": "x = 2"},
    )
    found = answers(path, "T/0", "T/1")
    assert codes(found) == [["def f(n):\n    return 0", "x = 2"], ["def f(n): return 1"]]
    assert [(c.problem_id, c.index, c.text, c.observation) for c in found[0]] == [
        ("T/0", 0, "    return 0", None),
        ("T/0", 1, "x = 2", None),
    ]
    assert {(c.mean_nll, c.mean_token_entropy, c.n_tokens, c.finish_reason) for c in found[0]} == {
        (None, None, 0, "recorded")
    }


def test_a_pool_gives_programs_replies_and_likelihoods(tmp_path: Path) -> None:
    """The program is the pool's own; one without text is its own reply. Verdicts are not read."""
    path = write(
        tmp_path / "pool.jsonl",
        POOL
        | {
            "candidates": [
                {"code": "x = 1", "text": "Sure:\n```python\nx = 1\n```", "mean_nll": 0.5},
                {"code": None, "text": "I cannot.", "mean_nll": 2, "mean_token_entropy": 1.5},
                {"code": "x = 2"},
                {"code": "x = 3", "text": None, "token_logprobs": [-1, -2]},
                {"code": "'\ud800'", "text": "one \ud800"},
            ],
        },
    )
    (found,) = answers(path, "T/0")
    assert [(c.index, c.code, c.text, c.mean_nll, c.mean_token_entropy) for c in found] == [
        (0, "x = 1", "Sure:\n```python\nx = 1\n```", 0.5, None),
        (1, None, "I cannot.", 2, 1.5),
        (2, "x = 2", "x = 2", None, None),
        (3, "x = 3", "x = 3", 1.5, None),
        (4, None, "one \\ud800", None, None),
    ]
    assert not any("passed" in repr(c) for c in found)


def test_a_second_line_of_a_problem_of_a_pool_is_malformed(tmp_path: Path) -> None:
    lines = [POOL | {"candidates": [{"code": code}]} for code in ("x", "y")]
    path = write(tmp_path / "pool.jsonl", *lines)
    assert read_samples(path, strict=False)[1] == 1
    assert codes(answers(path, "T/0")) == [["x"]]


@pytest.mark.parametrize(
    "broken",
    [
        POOL | {"candidates": {"code": "x"}},
        POOL | {"candidates": []},
        POOL | {"candidates": [{"text": "x = 1"}]},
        POOL | {"candidates": [{"code": 1}]},
        POOL | {"candidates": [{"code": "x", "mean_nll": float("nan")}]},
        POOL | {"candidates": [{"code": "x", "mean_nl": 1}]},
        {"candidates": [{"code": "x"}]},
    ],
)
def test_a_malformed_line_of_a_pool_is_left_out_whole_and_counted(tmp_path: Path, broken: Any) -> None:
    path = write(tmp_path / "pool.jsonl", broken, POOL | {"id": "T/1", "candidates": [{"code": "y"}]})
    assert Recorded(str(path), False, False).unused(["T/1"]) == {"malformed": 1, "unmatched": 0}
    assert codes(answers(path, "T/1")) == [["y"]]
    with pytest.raises(ValueError, match=r"line 1: .*pool's with id and candidates"):
        read_samples(path, strict=True)


@pytest.mark.parametrize(
    ("starter_code", "completion", "is_whole"),
    [
        ("def f(n):\n", "    return n", False),
        ("def f(n):\n", "# at the margin\n\n    return n", False),
        ("def f(n):\n", "def f(n):\n    return n", True),  # as models answer EvalPlus, whose MBPP has no signature
        ("def f(n):\n", "\n  # why\r\nimport math\ndef f(n):\n    return n", True),
        ("def f(n):\n", "", False),
        ('def f(n):\n    """doc"""\n', "def f(n):\n    return n", False),  # a body is there: the prompt's imports count
        ("class S:\n    def f(self, n):\n        ", "return n", False),
    ],
)
def test_a_completion_that_cannot_continue_the_signature_is_a_program(
    starter_code: str, completion: str, is_whole: bool
) -> None:
    assert continued(starter_code, completion) == (completion if is_whole else starter_code + completion)


def test_gzipped_and_foldered_samples_say_the_same(tmp_path: Path) -> None:
    rows = [{"task_id": f"T/{i % 3}", "solution": f"x = {i}\n"} for i in range(36)]
    plain = write(tmp_path / "s.jsonl", *rows)
    zipped = tmp_path / "s.jsonl.gz"
    zipped.write_bytes(gzip.compress(plain.read_bytes()))
    folder = tmp_path / "samples"
    for place, row in enumerate(rows):
        file = folder / row["task_id"].replace("/", "_") / f"{place // 3}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(row["solution"])
    expected = codes(answers(plain, "T/0", "T/1", "T/2"))
    assert expected[1] == [f"x = {i}\n" for i in range(1, 36, 3)]
    assert codes(answers(zipped, "T/0", "T/1", "T/2")) == expected
    assert codes(answers(folder, "T/0", "T/1", "T/2")) == expected  # 2.py comes before 10.py


@pytest.mark.parametrize(
    ("name", "task_id", "same"),
    [
        ("HumanEval/0", "HumanEval/0", True),
        ("HumanEval/0", "humaneval/0", True),
        ("HumanEval/0", "HumanEval_0", True),
        ("Mbpp/2", "2", True),
        ("Mbpp/2", "MBPP/2", True),
        ("Mbpp/2", "mbpp/002", True),
        ("Mbpp/0", "mbpp/000", True),
        ("Mbpp/2", "Mbpp/" + "2" * 5000, False),  # more digits than Python makes an int of
        ("2", "Mbpp/2", True),
        ("abc301_a", "abc301_a", True),
        ("abc301_a", "ABC301_A", True),
        ("livecodebench/abc301_a", "abc301_a", True),
        ("abc301_a", "LiveCodeBench/abc301_a", True),
        ("livecodebench/1873_D", "1873_D", True),
        ("livecodebench/1873_2", "1873_2", True),
        ("livecodebench/3194", "3194", True),
        ("TACO-test/12", "12", True),
        ("livecodebench/abc301_a", "301_a", False),
        ("livecodebench/abc301_a", "LCB/abc301_a", False),
        ("Mbpp/2", "HumanEval/2", False),
        ("Mbpp/2", "Mbpp/20", False),
        ("Mbpp/2", "Mbpp/x2", False),
        ("abc301_a", "abc301_b", False),
        ("2", "3", False),
    ],
)
def test_ids_match_however_they_are_spelt(name: str, task_id: str, same: bool) -> None:
    sample = Sample(task_id, "x", False)
    assert matched([name], [sample]) == {name: [sample] if same else []}


def test_an_integer_id_is_read(tmp_path: Path) -> None:
    assert codes(answers(write(tmp_path / "s.jsonl", {"task_id": 2, "solution": "x"}), "Mbpp/2")) == [["x"]]


def test_ints_of_many_digits_beside_a_sample_and_as_its_id(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    lines = (
        f'{{"task_id": {"7" * 600}, "solution": "x", "seed": {"9" * 5000}}}',
        f'{{"task_id": {"7" * 5000}, "solution": ""}}',
    )
    path.write_text("\n".join(lines))
    assert read_samples(path, strict=False) == ([Sample("7" * 600, "x", False)], 1)
    with pytest.raises(ValueError, match=r"line 2: task_id is int too long .* or an int of up to 600 digits; a line"):
        read_samples(path, strict=True)


def test_a_bare_id_does_not_choose_between_two_benchmarks() -> None:
    assert matched(["2"], [Sample("Mbpp/2", "x", False), Sample("HumanEval/2", "y", False)]) == {"2": []}
    assert matched(["Mbpp/2", "HumanEval/2"], [Sample("2", "x", False)]) == {"Mbpp/2": [], "HumanEval/2": []}


def test_a_whole_id_goes_before_the_end_of_another() -> None:
    whole, tail = Sample("livecodebench/a_b", "x", False), Sample("a_b", "y", False)
    assert matched(["livecodebench/a_b"], [tail, whole]) == {"livecodebench/a_b": [whole]}
    assert matched(["livecodebench/a_b", "a_b"], [tail, whole]) == {"livecodebench/a_b": [whole], "a_b": [tail]}


@given(st.lists(st.tuples(st.integers(0, 5), st.text(max_size=3)), max_size=20))
def test_every_sample_goes_to_its_problem_in_order(rows: list[tuple[int, str]]) -> None:
    samples = [Sample(f"T/{number}", text, False) for number, text in rows]
    found = matched([f"t/{number}" for number in range(6)], samples)
    assert {name: [s.text for s in group] for name, group in found.items()} == {
        f"t/{number}": [text for other, text in rows if other == number] for number in range(6)
    }


def test_a_problem_without_sample_counts_as_wrong_and_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path / "s.jsonl", {"task_id": "T/0", "solution": "x"}, {"task_id": "Z/9", "solution": "y"})
    found = answers(path, "T/0", "T/1", "T/2", allowed=True)
    assert [[(c.code, c.index, c.finish_reason) for c in group] for group in found[1:]] == [[(None, 0, "missing")]] * 2
    assert [record.getMessage().removeprefix(f"{path}: ") for record in caplog.records] == [
        "1 samples are of problems that are not asked for",
        "2 problems have no sample and count as wrong, such as 'T/1'",
    ]


def test_a_sample_of_no_problem_is_an_error_unless_allowed(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", {"task_id": "T/0", "solution": "x"}, {"task_id": "Z/9", "solution": "y"}, "{")
    with pytest.raises(ValueError, match=r"1 samples match no problem .*'Z/9'.*'T/0'; .*allow_unmatched=true"):
        answers(path, "T/0", "T/1")
    assert codes(answers(path, "T/0", allowed=True)) == [["x"]]
    assert Recorded(str(path), False, True).unused(["T/0"]) == {"malformed": 1, "unmatched": 1}


BROKEN = [
    "{",
    "[]",
    "7",
    '{"solution": "x"}',
    '{"task_id": "T/0"}',
    '{"task_id": "T/0", "solution": null}',
    '{"task_id": "T/0", "completion": 3}',
    '{"task_id": true, "completion": "x"}',
    '{"task_id": ["T/0"], "completion": "x"}',
    '{"task_id": "T/0", "completion": "\\ud800"}',
    "[" * 100_000,
]


@pytest.mark.parametrize("line", BROKEN, ids=lambda line: line[:60])
def test_malformed_lines_are_counted_or_stop_everything(
    line: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(
        tmp_path / "s.jsonl", {"task_id": "T/0", "solution": "x"}, "", line, {"task_id": "T/0", "solution": "y"}
    )
    assert codes(answers(path, "T/0")) == [["x", "y"]]
    assert "1 lines are malformed and left out" in caplog.text
    with pytest.raises(ValueError, match=r"s\.jsonl, line 3: .+; a line is a JSON object with task_id") as caught:
        answers(path, "T/0", strict=True)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text_are_a_malformed_line(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(b'{"task_id": "T/0", "solution": "\xff"}\n{"task_id": "T/0", "solution": "\xc3\xa9"}\n')
    assert read_samples(path, strict=False) == ([Sample("T/0", "\xe9", False)], 1)


def test_samples_of_another_benchmark_show_both_kinds_of_ids(tmp_path: Path) -> None:
    path = write(tmp_path / "s.jsonl", {"task_id": "HumanEval/0", "solution": "x"})
    with pytest.raises(ValueError, match=r"no answer to any of 2 problems.*'HumanEval/0'.*'Mbpp/2'.*choose the bench"):
        answers(path, "Mbpp/2", "Mbpp/3")
    with pytest.raises(ValueError, match=r"its task_ids are none \(1 malformed lines\)"):
        answers(write(path, "{"), "Mbpp/2")
    with pytest.raises(ValueError, match=r"none \(0 malformed lines\)"):
        answers(write(path), "Mbpp/2")


def test_files_that_cannot_be_read_name_the_remedy(tmp_path: Path) -> None:
    missing = tmp_path / "none.jsonl"
    with pytest.raises(FileNotFoundError, match=r"no samples at .*none\.jsonl: give the path"):
        answers(missing, "T/0")
    with pytest.raises(FileNotFoundError, match="no samples at"):
        Recorded(str(missing), False, False).fingerprint()
    cut = tmp_path / "cut.jsonl.gz"
    cut.write_bytes(gzip.compress(b'{"task_id": "T/0", "solution": "x"}\n' * 1000)[:60])
    with pytest.raises(ValueError, match="is cut off: copy it again"):
        answers(cut, "T/0")
    cut.write_text('{"task_id": "T/0", "solution": "x"}\n')
    with pytest.raises(ValueError, match=r"cut\.jsonl\.gz is no whole gzip file .*, or take \.gz off its name"):
        answers(cut, "T/0")
    packed = bytearray(gzip.compress(b'{"task_id": "T/0", "solution": "x"}\n' * 1000))
    packed[20] ^= 0xFF
    cut.write_bytes(packed)
    with pytest.raises(ValueError, match=r"cut\.jsonl\.gz is no whole gzip file \(Error -3.*: copy it again"):
        answers(cut, "T/0")


def test_a_byte_order_mark_is_no_part_of_the_first_sample(tmp_path: Path) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"task_id": "T/0", "solution": "x"}\n')
    assert read_samples(path, strict=True) == ([Sample("T/0", "x", False)], 0)


def test_the_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    first = write(tmp_path / "a.jsonl", {"task_id": "T/0", "solution": "x"})
    same = write(tmp_path / "b.jsonl", {"task_id": "T/0", "solution": "x"})
    other = write(tmp_path / "c.jsonl", {"task_id": "T/0", "solution": "y"})
    marks = [Recorded(str(path), False, False).fingerprint() for path in (first, same, other)]
    assert marks[0] == marks[1] != marks[2]
    folder = tmp_path / "folder"
    (folder / "T_0").mkdir(parents=True)
    (folder / "T_0" / "0.py").write_text("x")
    before = Recorded(str(folder), False, False).fingerprint()
    (folder / "T_0" / "0.py").rename(folder / "T_0" / "1.py")
    assert Recorded(str(folder), False, False).fingerprint() != before


def test_human_evals_own_solutions_as_samples(tmp_path: Path) -> None:
    source = ROOT.parent / "shared" / "data" / "HumanEval.jsonl.gz"
    if not source.exists():
        pytest.skip(f"{source} is not here")
    rows = [json.loads(line) for line in gzip.decompress(source.read_bytes()).splitlines()]
    path = write(
        tmp_path / "s.jsonl", *({"task_id": r["task_id"], "completion": r["canonical_solution"]} for r in rows)
    )
    problems = [Problem(r["task_id"], "", r["prompt"], r["entry_point"], (), "", "") for r in rows]
    groups = list(Asking.of(Recorded(str(path), True, False), None)(problems, None))
    assert len(groups) == 164
    for row, (answer,) in zip(rows, groups, strict=True):
        scope: dict[str, Any] = {}
        exec(str(answer.code), scope)  # the benchmark's own programs
        assert callable(scope[row["entry_point"]])


def test_yaml_builds_the_sampler() -> None:
    node = OmegaConf.load(ROOT / "conf" / "sampler" / "recorded.yaml")
    node.path = "samples.jsonl"
    assert instantiate(node) == Recorded("samples.jsonl", False, False)
