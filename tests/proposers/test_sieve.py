"""What is left out: in a benchmark, repeated, nearly repeated, too many."""

from dataclasses import replace

import pytest

from conself.proposers.proposal import Brief, Dropped, Exercise, Proposal
from conself.proposers.sieve import Sieve, ngrams, signature_of, signatures_in
from conself.records import Problem

SIEVE = Sieve(near_duplicate=0.7, ngram_words=5, shared_words=10)


def proposal(statement: str, name: str = "f", reason: Dropped | None = None) -> Proposal:
    problem = Problem(statement, statement, f"def {name}(x): ...", name, ("(1,)",), "", "")
    return Proposal(Brief("ask", "", "", None), problem=problem, reason=reason)


def sifted(*proposals: Proposal, most: int = 99, **benchmarks: list[str]) -> list[Dropped | None]:
    return [p.reason for p in SIEVE(proposals, benchmarks, most)]


def test_ngrams_by_hand() -> None:
    assert ngrams("One, two three FOUR five six.", 5) == {"one two three four five", "two three four five six"}
    assert ngrams("One two", 5) == {"one two"}


W = [f"w{number}" for number in range(24)]


def test_near_duplicates_by_the_jaccard_similarity_of_word_5_grams() -> None:
    """Two texts of n words that differ in the last k have n - 4 grams each, n - 4 - k of them shared.

    n = 21, k = 3: 14 shared of 17 + 3 = 20, J = .7, which is enough; k = 4: 13 of 21, J = .62, which is not.
    """
    first = " ".join(W[:21])
    like = " ".join([*W[:18], "x", "y", "z"])
    unlike = " ".join([*W[:17], "a", "b", "c", "d"])
    assert len(ngrams(first, 5)) == 17
    assert sifted(proposal(first), proposal(like), proposal(unlike)) == [None, Dropped.NEAR_DUPLICATE, None]


def test_the_same_words_are_a_duplicate_if_the_function_is_called_the_same() -> None:
    words = "Return the sum of all numbers in a list"
    assert sifted(proposal(words), proposal(f"{words.upper()}!")) == [None, Dropped.DUPLICATE]
    assert sifted(proposal(words, "f"), proposal(words, "g")) == [None, Dropped.NEAR_DUPLICATE]


def test_what_was_left_out_leaves_nobody_out() -> None:
    first = proposal("Return the sum of all numbers", reason=Dropped.TOO_FEW_INPUTS)
    assert sifted(first, proposal("Return the sum of all numbers")) == [Dropped.TOO_FEW_INPUTS, None]


def test_problems_beyond_those_that_are_wanted_are_surplus() -> None:
    assert sifted(proposal("one"), proposal("two"), proposal("one"), proposal("three"), most=2) == [
        None,
        None,
        Dropped.DUPLICATE,
        Dropped.SURPLUS,
    ]


TEN = "check if in given list of numbers are any two"


def test_ten_words_in_a_row_of_a_benchmark_are_contamination_and_nine_are_not() -> None:
    known = [f"{TEN} closer to each other than a threshold"]
    assert len(TEN.split()) == 10
    assert sifted(proposal(f"Please {TEN} alike"), he=known) == [Dropped.CONTAMINATED]
    nine = TEN.removesuffix(" two")
    assert sifted(proposal(f"Please {nine} alike"), he=known) == [None]


def test_a_short_statement_of_a_benchmark_counts_as_a_whole() -> None:
    assert sifted(proposal("Add two numbers!"), proposal("Add two numbers quickly"), he=["add two numbers"]) == [
        Dropped.CONTAMINATED,
        None,
    ]


def test_a_short_statement_is_found_as_the_task_of_an_exercise() -> None:
    """Its statement has an example as well, and contains the benchmark's without being long enough to search in."""
    exercise = Exercise("", "Add two numbers", "def f(a, b)", "f(1, 2) == 3", "", "f")
    whole = replace(proposal("Add two numbers. Example: f(1, 2) == 3"), exercise=exercise)
    assert sifted(replace(whole, exercise=None), he=["Add two numbers."]) == [None]
    assert sifted(whole, he=["Add two numbers."]) == [Dropped.CONTAMINATED]


def test_every_recitation_counts_not_the_first_alone() -> None:
    assert sifted(proposal(TEN), proposal(TEN), he=[TEN]) == [Dropped.CONTAMINATED] * 2


def test_a_benchmarks_docstring_counts_without_its_code() -> None:
    code = f'def close(xs):\n    """{TEN} closer?\n    >>> close([1])\n    False\n    """\n'
    assert sifted(proposal(f"{TEN} closer? Answer with a bool."), he=[code]) == [Dropped.CONTAMINATED]


def test_signatures() -> None:
    code = 'def close(xs: list, limit):\n    """No."""\n'
    assert signatures_in([code, "Words, no code.", "def broken("]) == {("close", ("xs", "limit"))}
    problem = Problem("a", "s", "def close(xs, limit) -> bool:\n    ...\n", "close", (), "", "")
    assert signature_of(problem) == ("close", ("xs", "limit"))
    assert signature_of(Problem("a", "s", "no code", "close", (), "", "")) is None


@pytest.mark.parametrize(("settings", "line"), [((0, 5, 10), "near_duplicate"), ((0.7, 0, 10), "ngram_words")])
def test_settings_out_of_range(settings: tuple[float, int, int], line: str) -> None:
    with pytest.raises(ValueError, match=rf"proposer\.sieve\.{line}"):
        Sieve(*settings)
