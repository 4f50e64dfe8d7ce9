"""What replies say: read as text, never executed."""

import pytest

from conself.proposers.proposal import Exercise
from conself.proposers.replies import read_difficulty, read_exercise, read_rating, read_skeleton
from tests.proposers.canned import EXERCISE

WANTED = Exercise(
    title="Doubling",
    task="Return twice the number that is given as an argument.",
    signature="def double(number: int) -> int",
    example="double(2) == 4",
    hint="Multiply.",
    name="double",
)


@pytest.mark.parametrize(
    "text",
    [
        EXERCISE,
        f"Sure!\n\n{EXERCISE}\nI hope that helps.",
        f"<think>Title: no\nTask: no</think>{EXERCISE}",
        EXERCISE.replace("Signature: ", "**Signature:** `").replace("-> int", "-> int:`"),
        EXERCISE.replace("Signature: ", "signature:\n```python\n").replace("-> int", "-> int:\n    ...\n```"),
        EXERCISE.replace("Title:", "### Title:").replace("number: int", "\n    number: int\n"),
    ],
)
def test_an_exercise_in_the_forms_that_models_choose(text: str) -> None:
    read = read_exercise(text)
    assert read is not None
    assert read.signature.replace("( ", "(").replace(" )", ")") == WANTED.signature
    assert (read.title, read.task, read.example, read.hint, read.name) == (
        WANTED.title,
        WANTED.task,
        WANTED.example,
        WANTED.hint,
        "double",
    )


def test_a_task_goes_on_over_lines_and_title_and_hint_may_be_missing() -> None:
    read = read_exercise(
        "<exercise>\nTask: First.\n\nSecond: both count.\nSignature: def f(x)\nExample: f(1) == 1\n</exercise>"
    )
    assert read == Exercise("", "First.\n\nSecond: both count.", "def f(x)", "f(1) == 1", "", "f")


@pytest.mark.parametrize(
    "text",
    [
        "",
        EXERCISE.removesuffix("</exercise>"),  # cut at the limit
        EXERCISE.removeprefix("<exercise>"),
        EXERCISE.replace("Task:", "What:"),
        EXERCISE.replace("Example: double(2) == 4\n", ""),
        EXERCISE.replace("def double(number: int) -> int", "double(number)"),
        EXERCISE.replace("number: int", "number int"),
        EXERCISE.replace("number: int", "number, number"),  # no Python: a parameter twice
        EXERCISE.replace("def double(number: int) -> int", "class Double:"),
    ],
)
def test_no_exercise(text: str) -> None:
    assert read_exercise(text) is None


@pytest.mark.parametrize(
    ("text", "rating", "difficulty"),
    [
        ("Quality: 7\nReason: fine\nDifficulty: Medium", 7, "medium"),
        ("**Quality:** 10/10\n**Difficulty:** hard.", 10, "hard"),
        ("8\nClear.\neasy", 8, "easy"),
        ("Quality score: 3 of 10", 3, ""),
        ("Quality: 0", None, ""),
        ("Quality: 11", None, ""),
        ("It is good.", None, ""),
        ("Quality: " + "9" * 5000, None, ""),
        ("It is hard to say.", None, ""),
        ("Step 2 is unclear", None, ""),
    ],
)
def test_ratings(text: str, rating: int | None, difficulty: str) -> None:
    assert (read_rating(text), read_difficulty(text)) == (rating, difficulty)


WITH_DOC = 'def double(n: int) -> int:\n    """Twice."""\n    ...\n'


@pytest.mark.parametrize(
    ("text", "skeleton"),
    [
        (f"```python\n{WITH_DOC}```", WITH_DOC),
        (WITH_DOC, WITH_DOC),
        ('```python\ndef double(n: int) -> int:\n    """Twice."""\n```', WITH_DOC),
        ('```python\ndef double(n: int) -> int:\n    """Twice."""\n    return n * 2\n```', WITH_DOC),
        ("```python\ndef double(n):\n```", "def double(n):\n    ...\n"),
        ("```python\ndef double(n):\n    pass\n```", "def double(n):\n    ...\n"),
        (
            "```python\nfrom typing import List\ndef double(n: List[int]): ...\n```",
            "from typing import List\n\n\ndef double(n: List[int]):\n    ...\n",
        ),
    ],
)
def test_skeletons(text: str, skeleton: str) -> None:
    assert read_skeleton(text, "double") == skeleton


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I cannot.",
        "```python\ndef triple(n): ...\n```",
        "```python\ndef double(n): ...\ndef helper(n): ...\n```",
        "```python\ndef double(n): ...\nprint(double(2))\n```",
        "```python\nclass A:\n    def double(self, n): ...\n```",
        "```python\ndef double(n:\n```",
        "```python\ndef double(n, n): ...\n```",
        "```python\n" + "(" * 5000 + "\n```",
    ],
)
def test_bad_skeletons(text: str) -> None:
    assert read_skeleton(text, "double") is None
