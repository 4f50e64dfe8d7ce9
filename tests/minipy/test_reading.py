"""Statements are read back into chains, and chains written as every statement."""

from itertools import islice

from conself.datasets.decontamination import words
from conself.minipy.compositions import identity
from conself.minipy.corpus import corpus
from conself.minipy.reading import read_chain, wordings


def test_statements_are_read_as_chains() -> None:
    steps = read_chain("Sort the list, then take the first 3; find the maximum (0 if empty).")
    assert steps is not None
    assert identity(steps) == "sort | first_k:3 | maximum"


def test_what_is_no_chain_is_not_read() -> None:
    assert read_chain("Sort the list, then dance.") is None
    assert read_chain("Double it, then sort the list.") is None


def test_a_drawn_statement_is_among_the_wordings_of_its_chain_and_each_is_read_as_that_chain() -> None:
    for example in islice(corpus(40, 3), 40):
        steps = read_chain(example.problem.statement)
        assert steps is not None
        texts = list(wordings(steps))
        assert example.problem.statement in texts
        assert len(set(texts)) == len(texts)
        assert {identity(read_chain(text) or ()) for text in texts} == {identity(steps)}


def test_statements_of_other_chains_share_no_wording() -> None:
    by_words: dict[str, str] = {}
    for example in islice(corpus(300, 5), 300):
        steps = read_chain(example.problem.statement)
        assert steps is not None
        for text in wordings(steps):
            assert by_words.setdefault(words(text), identity(steps)) == identity(steps)
