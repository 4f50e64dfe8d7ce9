"""LeetCodeDataset: ten problems that every machine has, made-up rows, and the whole file where it is present."""

import gzip
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conself.agreement.comparison import Comparison
from conself.benchmarks.dataset import DatasetBenchmark
from conself.datasets.leetcode import HELD_OUT, LeetCode
from conself.datasets.leetcode_rows import read_row
from conself.datasets.validation import Rejected
from conself.records import Problem
from conself.sandbox import Job, Status, execute
from tests.benchmarks.answering import LIMITS, verdicts
from tests.datasets.writing import write_lines

TEN = Path(__file__).parent / "fixtures" / "leetcode.jsonl.gz"
WHOLE = Path(__file__).parents[3] / "shared" / "data" / "LeetCodeDataset-v0.2.0-train.jsonl.gz"
LOOSE = Comparison(
    list_equals_tuple=True, numbers="by_value", floats="tolerance", float_digits=6, split_whitespace=True
)
SPLITS = ("train", "validation", "test")


def data(path: Path, split: str = "train", sizes: tuple[int, int] = (1, 1), strict: bool = False) -> LeetCode:
    return LeetCode(split, *sizes, 8, str(path), "", "", (), strict)


def rows() -> dict[str, dict[str, Any]]:
    with gzip.open(TEN, "rt") as lines:
        return {row["task_id"]: row for row in map(json.loads, lines)}


def test_named_arguments_get_their_positions_and_statement_and_starter_code_are_parted() -> None:
    method = read_row(rows()["two-sum"])
    assert method.problem.inputs == ("([2, 7, 11, 15], 9)", "([3, 2, 4], 6)", "([3, 3], 6)")
    assert method.expected == ("[0,1]", "[1,2]", "[0,1]")
    assert method.problem.statement.startswith("Given an array of integers nums and an integer target")
    assert method.problem.statement.endswith("You can return the answer in any order.")
    assert method.problem.starter_code == (
        "class Solution:\n    def twoSum(self, nums: List[int], target: int) -> List[int]:\n"
    )
    assert (method.problem.entry_point, method.problem.difficulty) == ("twoSum", "Easy")
    assert "completion" not in repr(method.problem)
    assert "m[x] = i" not in repr(method.problem)


def test_linked_lists_and_trees_stand_as_plain_lists() -> None:
    added, inverted = (read_row(rows()[name]) for name in ("add-two-numbers", "invert-binary-tree"))
    assert added.problem.inputs[0] == "([2, 4, 3], [5, 6, 4])"
    assert added.expected[0] == "[7,0,8]"
    assert inverted.problem.inputs[0] == "([4, 2, 7, 1, 3, 6, 9],)"
    assert inverted.expected[0] == "[4,7,2,9,6,3,1]"


WRONG = {
    "add-two-numbers": "class Solution:\n    def addTwoNumbers(self, l1, l2):\n        return l1\n",
    "invert-binary-tree": "class Solution:\n    def invertTree(self, root):\n        return root\n",
    "binary-tree-inorder-traversal": "class Solution:\n    def inorderTraversal(self, root):\n        return []\n",
    "swap-nodes-in-pairs": "class Solution:\n    def swapPairs(self, x):\n        x.next = x\n        return x\n",
}


def test_right_and_wrong_programs() -> None:
    """The last wrong one makes a list without an end."""
    task = DatasetBenchmark(data(TEN), LOOSE)()
    problems = [problem for problem in task.problems if problem.id in WRONG]
    assert len(problems) >= 2
    programs = {p.id: [rows()[p.id]["completion"], WRONG[p.id]] for p in problems}
    assert set(map(tuple, verdicts(task.judge, problems, programs).values())) == {(True, False)}


def test_what_cannot_be_used_is_counted_by_reason() -> None:
    """Of the ten, one needs sortedcontainers; one that wants -1.0 where its solution gives -1 is right, as by ==."""
    found = [item for split in SPLITS for item in data(TEN, split)()]
    assert len(found) == 10
    assert Counter(item.reason for item in found if isinstance(item, Rejected)) == {
        "its solution needs a package that is missing": 1,
    }


def test_the_splits_are_parts_of_one_file_by_the_hash_of_the_id() -> None:
    """Of the ten ids these have the lowest SHA-256, in this order (worked out with sha256sum)."""
    names = {split: {item.id for item in data(TEN, split, (3, 2))()} for split in SPLITS}
    assert [len(names[split]) for split in SPLITS] == [5, 3, 2]
    assert set.union(*names.values()) == set(rows())
    assert names["test"] == {"container-with-most-water", "evaluate-division"}
    assert names["validation"] == {"contains-duplicate-iii", "swap-nodes-in-pairs", "invert-binary-tree"}


def made(name: str, statement: str, **changes: Any) -> dict[str, Any]:
    row = {
        "task_id": name,
        "prompt": "from typing import *\n",
        "completion": "class Solution:\n    def f(self, x: List[int], k: int = 1) -> int:\n        return len(x) + k\n",
        "entry_point": "Solution().f",
        "test": "def check(candidate):\n    assert candidate(k = 2, x = [1]) == 3\n    assert candidate([1, 2]) == 3\n",
        "query": f"{statement}\nPlease complete the following python code precisely:\n"
        "```python\nclass Solution:\n    def f(self, x: List[int], k: int = 1) -> int:\n```",
        "meta": {"difficulty": "Meidum"},
    }
    return {**row, **changes}


@pytest.mark.parametrize(("other", "is_dropped"), [("c", True), ("a", False)])
def test_a_training_problem_that_states_a_held_out_one_is_dropped(other: str, is_dropped: bool, tmp_path: Path) -> None:
    """By SHA-256 c and b are held out and a is for training; ``other`` alone has a statement of its own."""
    text = "Return the number of items in the list of integers x, plus k."
    lines = [made(name, text if name != other else "Say something else about lists of integers.") for name in "abc"]
    path = write_lines(tmp_path / "a.jsonl", lines)
    assert [item.id for split in ("validation", "test") for item in data(path, split)()] == ["b", "c"]
    (left,) = data(path, "train")()
    assert left.id == "a"
    assert (left == Rejected("a", HELD_OUT)) == isinstance(left, Rejected) == is_dropped


@pytest.mark.parametrize(
    ("path", "sizes"),
    [
        (TEN, (3, 2)),
        pytest.param(
            WHOLE,
            (190, 200),
            marks=[
                pytest.mark.slow,
                pytest.mark.skipif(not WHOLE.is_file(), reason=f"LeetCodeDataset is not at {WHOLE}"),
            ],
        ),
    ],
    ids=["ten", "whole"],
)
def test_nothing_that_is_held_out_leaks_into_training(path: Path, sizes: tuple[int, int]) -> None:
    """No held-out statement stands in one that is trained on, by letters and digits alone."""
    texts = {
        split: [" ".join(re.findall(r"[a-z0-9]+", text.lower())) for text in data(path, split, sizes).statements()]
        for split in SPLITS
    }
    assert (len(texts["validation"]), len(texts["test"])) == sizes
    assert [held for held in texts["validation"] + texts["test"] if any(held in text for text in texts["train"])] == []


def test_positions_defaults_and_a_misspelt_difficulty() -> None:
    method = read_row(made("a", "Count."))
    assert method.problem.inputs == ("([1], 2)", "([1, 2],)")
    assert method.expected == ("3", "3")
    assert method.problem.difficulty == "Medium"


def test_a_method_that_changes_its_argument_in_place() -> None:
    completion = "class Solution:\n    def f(self, x: List[int]) -> None:\n        x.sort()\n"
    row = made(
        "a", "Sort.", completion=completion, test="def check(candidate):\n    assert candidate(x = [2, 1]) == [1, 2]\n"
    )
    method = read_row(row)
    (result,) = execute([Job("a", (method.program,), "f", method.problem.inputs)], LIMITS, 1)
    assert (result.rows[0][0].status, result.rows[0][0].value) == (Status.OK, method.expected[0])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"completion": "def f(x): pass"}, "malformed record"),
        ({"test": "def check(candidate):\n    assert candidate(y = 1) == 1\n"}, "malformed record"),
        ({"test": "def check(candidate):\n    assert candidate(x = open('a')) == 1\n"}, "malformed record"),
        ({"test": "def check(candidate):\n    assert candidate(x = [1]) > 1\n"}, "malformed record"),
        ({"test": "assert f(1)"}, "malformed record"),
        ({"query": "No code."}, "malformed record"),
        (
            {"test": "def check(candidate):\n    assert candidate(x = [1]) == 5\n"},
            "its own solution does not pass its tests",
        ),
        (
            {"completion": "class Solution:\n    def f(self, x, k=1): return 1 // 0\n"},
            "its own solution fails on its inputs",
        ),
    ],
)
def test_bad_rows(changes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    good = [made(name, f"Statement of problem {name}.") for name in "bcdef"]
    path = write_lines(tmp_path / "a.jsonl", [made("a", "Count.", **changes), *good])
    found = [item for split in SPLITS for item in data(path, split)()]
    (bad,) = (item for item in found if isinstance(item, Rejected))
    assert (bad.id, bad.reason.startswith(reason)) == ("a", True)
    with pytest.raises(ValueError, match="a: "):
        [list(data(path, split, strict=True)()) for split in SPLITS]


def test_wrong_settings_and_the_fingerprint(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="split must be one of train, validation, test"):
        data(TEN, "dev")
    with pytest.raises(ValueError, match="must be 1 or more"):
        data(TEN, sizes=(0, 1))
    with pytest.raises(ValueError, match=r"dataset\.decontaminate_words must be 1 or more"):
        replace(data(TEN), decontaminate_words=0)
    copy = tmp_path / "copy.jsonl.gz"
    copy.write_bytes(TEN.read_bytes())
    assert data(copy).fingerprint() == data(TEN).fingerprint()
    parts = [
        data(TEN),
        data(TEN, "test"),
        data(TEN, sizes=(2, 1)),
        data(TEN, sizes=(1, 2)),
        replace(data(TEN), decontaminate_words=9),
        data(write_lines(tmp_path / "a.jsonl", [made("a", "b")])),
    ]
    assert len({part.fingerprint() for part in parts}) == len(parts)


@pytest.mark.slow
@pytest.mark.skipif(not WHOLE.is_file(), reason=f"LeetCodeDataset is not at {WHOLE}")
def test_the_whole_file() -> None:
    found = {split: list(data(WHOLE, split, (190, 200))()) for split in SPLITS}
    assert {split: len(items) for split, items in found.items()} == {"train": 1500, "validation": 190, "test": 200}
    usable = {split: {item.id for item in items if isinstance(item, Problem)} for split, items in found.items()}
    assert not usable["train"] & (usable["validation"] | usable["test"])
    assert not usable["validation"] & usable["test"]
    assert Counter(item.reason for items in found.values() for item in items if isinstance(item, Rejected)) == {
        "its solution needs a package that is missing": 12,
        "its own solution does not pass its tests": 2,
        HELD_OUT: 1,
    }
    assert sum(map(len, usable.values())) == 1875
