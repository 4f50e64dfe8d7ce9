"""Which problems state a benchmark's problem: hand-made cases, and the real statements where they are at hand."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from conself.datasets.decontamination import Index, fingerprints, matcher, readings, words

SHARED = Path(__file__).parents[3] / "shared" / "data"
PROMPT = '''from typing import List


def below_zero(operations: List[int]) -> bool:
    """ You're given a list of deposits and withdrawals on an account that starts at zero. Tell whether the
    balance ever falls below zero, and return True if so.
    >>> below_zero([1, 2, 3])
    False
    """
'''
QUOTE = """You're given a list of deposits and withdrawals on an account that starts at zero.
Tell whether the balance EVER falls below zero -- and return `True` if so!"""
OTHER = "You're given a list of deposits and withdrawals. Tell the balance at the end of the day, in euros and cents."


class Known:
    def __init__(self, *statements: str) -> None:
        self.texts = statements

    def statements(self) -> Iterator[str]:
        return iter(self.texts)

    def fingerprint(self) -> str:
        return "f"


class Unreachable(Known):
    def statements(self) -> Iterator[str]:
        raise OSError("data set a/b cannot be read from the hub; give dataset.path=<local copy>")

    def fingerprint(self) -> str:
        raise OSError("data set a/b cannot be read from the hub; give dataset.path=<local copy>")


def test_words_drop_case_punctuation_space_and_variants_of_unicode() -> None:
    assert words("  Re-turn:\tthe `N`-th\n\nﬁrst_item (Ｘ²) …") == " re turn the n th first item x2 "
    assert words("straße") == words("STRASSE")
    assert words(" ?! ") == words("")


@pytest.mark.parametrize(
    ("problem", "is_same"),
    [
        (PROMPT, True),
        (PROMPT.replace("    ", "  ").upper(), True),
        (QUOTE, True),  # the prose alone, without the code and the examples around it
        (f"QUESTION:\nBank account\n\n{QUOTE}\n\n-----Input-----\nA line of integers.\n", True),
        (QUOTE + "\n>>> below_zero([1, 2, 3])\nFalse", True),
        (OTHER, False),
        (QUOTE.replace("zero", "one"), False),
        (" ".join(QUOTE.split()[:12]), False),  # a part of the statement is not the statement
        ("", False),
    ],
)
def test_a_docstring_is_found_wherever_it_is_quoted(problem: str, is_same: bool) -> None:
    reason = matcher({"humaneval": Known(PROMPT)}, 8)(problem)
    assert reason == ("stated in humaneval" if is_same else None)


def test_short_statements_match_as_a_whole_only() -> None:
    found = matcher({"mbpp": Known("Write a function to reverse a string.")}, 8)
    assert found("WRITE A FUNCTION, to reverse a string") == "stated in mbpp"
    assert found("Write a function to reverse a string of brackets so that it is balanced.") is None
    found = matcher({"mbpp": Known("Write a function to reverse a string.")}, 7)
    assert found("Write a function to reverse a string of brackets so that it is balanced.") == "stated in mbpp"


def test_words_are_not_cut() -> None:
    index = Index.of(["a b c d"], 2)
    assert index.matches("x a b c d y")
    assert not index.matches("xa b c d")
    assert not index.matches("a b c dy")


def test_statements_that_begin_alike_are_told_apart() -> None:
    index = Index.of(["a b c d", "a b c e"], 3)
    assert index.matches("so a b c e")
    assert not index.matches("so a b c f")


def test_a_text_that_is_no_code_has_one_reading() -> None:
    assert list(readings("Return x if x else y, for example 3.")) == ["Return x if x else y, for example 3."]
    assert list(readings("\0")) == ["\0"]


def test_nothing_is_dropped_without_benchmarks() -> None:
    assert matcher({}, 8)(PROMPT) is None
    assert matcher({"empty": Known("", " ?! ")}, 1)(" ! ") is None


def test_a_benchmark_that_cannot_be_read_says_how_to_go_on() -> None:
    for read in (lambda: matcher({"mbpp": Unreachable()}, 8), lambda: fingerprints({"mbpp": Unreachable()})):
        with pytest.raises(OSError, match="statements of mbpp") as caught:
            read()
        assert "dataset.decontaminate.mbpp.path=<local copy>" in str(caught.value)
        assert " dataset.path" not in str(caught.value)  # that would be the training data's
        assert "'~dataset.decontaminate.mbpp'" in str(caught.value)
    with pytest.raises(ValueError, match="min_words must be 1 or more"):
        matcher({"mbpp": Known()}, 0)


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"the real statements are not at {SHARED}")
def test_real_statements() -> None:
    """HumanEval's prompts are found by their docstrings; 200 problems of TACO state none of HumanEval's or MBPP's."""
    with gzip.open(SHARED / "HumanEval.jsonl.gz", "rt") as file:
        prompts = [json.loads(line)["prompt"] for line in file]
    texts = [json.loads(line)["text"] for line in (SHARED / "mbpp_sanitized.jsonl").read_text().splitlines()]
    find = matcher({"humaneval": Known(*prompts), "mbpp": Known(*texts)}, 8)
    quotes = [list(readings(prompt))[-1] for prompt in prompts]
    assert sum(quote in prompt for quote, prompt in zip(quotes, prompts, strict=True)) < 164
    found = [find(f"QUESTION:\n{quote}\n-----Input-----\nOne line.") for quote in quotes]
    assert found.count("stated in humaneval") >= 145, found  # the others are shorter than eight words
    assert [find(quote) for quote in quotes].count(None) == 0
    assert [find(text) for text in texts].count(None) == 0
    problems = [json.loads(line)["question"] for line in (SHARED / "taco_stdin.jsonl").read_text().splitlines()]
    assert {find(problem) for problem in problems} == {None}
