"""The user's own problems."""

import json
from pathlib import Path
from typing import Any

import pytest

from conself.datasets.jsonl import Jsonl
from conself.datasets.validation import Rejected, sift
from conself.records import Problem


def write(path: Path, *rows: Any) -> str:
    path.write_text("".join(row + "\n" if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_function_and_stdin_problems(tmp_path: Path) -> None:
    path = write(
        tmp_path / "mine.jsonl",
        {
            "id": "a",
            "statement": "Add.",
            "entry_point": "f",
            "starter_code": "def f(x, y):",
            "inputs": [[1, "b"], [[2], None]],
        },
        {"statement": "Echo.", "inputs": ["1\n", ""], "difficulty": "easy"},
        {"statement": "Set.", "entry_point": "g", "inputs": [{"py": "({1, 2},)"}]},
    )
    one, two, three = (problem for problem in Jsonl(path, strict=True, prefix="")() if isinstance(problem, Problem))
    assert (one.id, one.entry_point, one.inputs) == ("a", "f", ("(1, 'b')", "([2], None)"))
    assert (two.id, two.entry_point, two.inputs, two.difficulty) == ("mine/2", None, ("1\n", ""), "easy")
    assert three.inputs == ("({1, 2},)",)
    assert list(Jsonl(path, strict=True, prefix="").oracles()) == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("{not json", "no JSON (Expecting property name"),
        ('{"statement": "s", "statement": "t", "inputs": ["1"]}', "statement appears twice in one object: keep one"),
        ({"id": 1.5, "statement": "s", "inputs": ["1"]}, "id is 1.5: it must be text, or an int"),
        ("[" * 10**5, "nested too deeply: leave such an input out"),
        (
            '{"statement": "s", "inputs": [' + "9" * 100_001 + "]}",
            "an int of 100001 digits, more than 100000: leave it out",
        ),
        ([1, 2], "must hold a JSON object, got list"),
        ({"statement": "s"}, "missing inputs"),
        ({"inputs": []}, "missing statement"),
        ({"statement": "s", "inputs": "12"}, "inputs must be a list, got str"),
        ({"statement": 5, "inputs": ["1"]}, "statement must be text"),
        ({"statement": "s", "entry_point": 5, "inputs": [[1]]}, "entry_point must be text"),
        ({"statement": "s", "inputs": [[1]]}, "must be a string; name an entry_point"),
        ({"statement": "s", "entry_point": "f", "inputs": ["1"]}, "JSON array of its arguments"),
    ],
)
def test_malformed_lines_are_skipped_and_named_or_stop_a_strict_run(
    row: Any, words: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "mine.jsonl", row, "", {"statement": "Echo.", "inputs": ["1"]})
    rejected, problem = Jsonl(path, strict=False, prefix="")()
    assert rejected == Rejected("mine/1", "malformed line")
    assert problem.id == "mine/3"
    assert f"{path}, line 1" in caplog.text
    assert words in caplog.text
    with pytest.raises(ValueError, match=r"mine\.jsonl, line 1: "):
        list(Jsonl(path, strict=True, prefix="")())


def test_a_line_that_is_no_utf8_leaves_the_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    good = '{"statement": "Grüße.", "inputs": ["1"]}'.encode()
    path = tmp_path / "mine.jsonl"
    path.write_bytes(good + b'\n{"statement": "\xff", "inputs": ["1"]}\r\n' + good)
    one, two, three = Jsonl(str(path), strict=False, prefix="")()
    assert (one.id, two, three.id) == ("mine/1", Rejected("mine/2", "malformed line"), "mine/3")
    assert f"{path}, line 2: no UTF-8 (invalid start byte): save the file as UTF-8" in caplog.text
    with pytest.raises(ValueError, match=r"mine\.jsonl, line 2: no UTF-8"):
        list(Jsonl(str(path), strict=True, prefix="")())


def test_hostile_lines_are_counted(tmp_path: Path) -> None:
    call = {"statement": "s", "entry_point": "f"}
    rows = [
        {**call, "inputs": [{"py": "({[1]: 2},)"}]},
        {"statement": "\ud800", "inputs": ["1"]},
        {"statement": "s", "inputs": ["\ud800"]},
        "[" * 10**5,
        "not json",
        {**call, "inputs": [["\ud800"]]},  # as a Python literal it is ASCII
    ]
    kept, dropped = sift(Jsonl(write(tmp_path / "mine.jsonl", *rows), strict=False, prefix="")())
    assert [(problem.id, problem.inputs) for problem in kept] == [("mine/6", ("('\\ud800',)",))]
    assert dropped == {
        "an input is not the literal of an argument tuple": 1,
        "text that cannot be written as UTF-8": 2,
        "malformed line": 2,
    }


def test_missing_file_names_the_key_to_set(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"does not exist; set dataset\.path"):
        list(Jsonl(str(tmp_path / "none.jsonl"), strict=False, prefix="")())


def test_a_lines_own_prefix_goes_before_that_of_the_data_set(tmp_path: Path) -> None:
    row = {"statement": "s", "inputs": ["1"]}
    path = write(
        tmp_path / "mine.jsonl", row, {**row, "prefix": "import re\n"}, {**row, "prefix": ""}, {**row, "prefix": 1}
    )
    found = list(Jsonl(path, strict=False, prefix="import math\n")())
    assert [problem.prefix for problem in found[:3] if isinstance(problem, Problem)] == [
        "import math\n",
        "import re\n",
        "",
    ]
    assert found[3] == Rejected("mine/4", "malformed line")


def test_unknown_keys_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    row = {"statement": "s", "inputs": ["1"]}
    path = write(tmp_path / "mine.jsonl", {**row, "entrypoint": "f"}, row, {**row, "entrypoint": "g", "note": ""})
    assert len(list(Jsonl(path, strict=False, prefix="")())) == 3
    told = [record.getMessage() for record in caplog.records]
    assert [text.partition(";")[0] for text in told] == [
        f"{path}: entrypoint is no key and not read, in 2 lines",
        f"{path}: note is no key and not read, in 1 lines",
    ]
