"""Texts on standard input: their form, what it reads, and that it writes them as they were."""

import pytest

from conself.amplifications.mutations import Mutations
from conself.amplifications.texts import layout_of
from conself.records import Problem

MUTATIONS = Mutations(seed=0, budget=40, changes=3, max_bytes=500, keep="valid", crash_share=0.5)


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        (["3\n1 2 3\n", "2\n5 -7\n"], [(3, [1, 2, 3]), (2, [5, -7])]),
        (["2 ab\n", "0 c\n"], [(2, "ab"), (0, "c")]),
        (["2\n5\n6", "1\n7"], [(2, [5, 6]), (1, [7])]),
        (["2\n1\n9\n2\n8 8\n", "1\n1\n7\n"], [(2, [(1, [9]), (2, [8, 8])]), (1, [(1, [7])])]),
        (["0.5 1e3 007 -0\n", "2.25 x y z\n"], [(0.5, "1e3", "007", "-0"), (2.25, "x", "y", "z")]),
    ],
)
def test_a_form_is_read_and_written_again(texts: list[str], read: list[tuple[object, ...]]) -> None:
    layout = layout_of(texts)
    assert layout is not None
    assert [layout.read(text) for text in texts] == read
    assert [layout.write(layout.read(text)) for text in texts] == texts


@pytest.mark.parametrize("texts", [["1 2\n3\n", "4\n"], ["", "5"], [""]])
def test_some_texts_have_no_form(texts: list[str]) -> None:
    assert layout_of(texts) is None
    assert MUTATIONS.propose(Problem("p", "", "", None, tuple(texts), "mine", "")) == []


def test_counts_at_the_head_stay_right() -> None:
    problem = Problem("p", "", "", None, ("3\n1 2 3\n", "2\n5 4\n", "4\n9 9 1 2\n"), "mine", "")
    proposed = [new.text for new in MUTATIONS.propose(problem)]
    assert len(proposed) == 40
    for text in proposed:
        head, items = text.splitlines()
        assert int(head) == len(items.split())
    assert len({text.splitlines()[0] for text in proposed}) > 2  # and it is not always the same


def test_counts_of_blocks_and_in_blocks_stay_right() -> None:
    problem = Problem("p", "", "", None, ("2\n1\n9\n2\n8 8\n", "1\n3\n7 5 6\n"), "mine", "")
    proposed = [new.text for new in MUTATIONS.propose(problem)]
    assert len({text.split()[0] for text in proposed}) > 1
    for text in proposed:
        lines = text.splitlines()
        assert 2 * int(lines[0]) == len(lines) - 1
        assert all(int(count) == len(items.split()) for count, items in zip(lines[1::2], lines[2::2], strict=True))
