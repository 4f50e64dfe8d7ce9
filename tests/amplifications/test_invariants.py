"""The table of invariants: each is shown by some inputs and not by others, and what breaks it is told."""

from collections.abc import Callable, Sequence

import pytest

from conself.amplifications.finders import RELATIONS
from conself.amplifications.invariants import INNER, INVARIANTS, Holds, Shown
from conself.amplifications.paths import Arguments, gathered
from conself.amplifications.relations import (
    AtMost,
    CountOf,
    EqualLengths,
    InOrder,
    InRows,
    ItemOf,
    Rectangular,
    Relation,
    WithinLength,
)
from conself.sandbox.sources import Value

Kind = Callable[[Sequence[Value]], Holds | None]


@pytest.mark.parametrize(
    ("name", "shown", "keeping", "breaking"),
    [
        ("types", [1, None], [7, None], ["1", 1.0, True]),
        ("sign", [3, 1.5, "x"], [1, 0.25, "y"], [0, -1]),
        ("sign", [0, 2], [0, 1], [-1]),
        ("ranges", [10, 14], [24, -4], [29, -5]),  # room for the largest in size, 14: from -4 to 28
        ("ranges", [0, 1], [3, -2], [4, -3]),  # never less room than 2
        ("characters", ["ab1", "c"], ["zz9", ""], ["A", "é", "a b"]),
        ("characters", ["(())", ")("], ["((", ""], ["[", "a"]),
        ("lengths", ["ab", [1]], ["a", [1] * 6], ["", [], [1] * 7]),  # twice the longest, and 2
        ("lengths", [[], [1]], [[]], [[1] * 5]),
        ("distinct", [[1, 2, 3], [4, 5]], [[9], [], (1, 2)], [[1, 1]]),
        ("ascending", [[1, 2, 2], [3, 4]], [[5, 9], []], [[2, 1], [1, "a"]]),
        ("descending", [(3, 2, 2), (4, 1)], [(9, 5)], [(1, 2)]),
        ("row_lengths", [(1, 2), (3, 4)], [(5, 6)], [(1,), ()]),
    ],
)
def test_what_values_show_tells_others_apart(
    name: str, shown: list[Value], keeping: list[Value], breaking: list[Value]
) -> None:
    holds = {**INVARIANTS, **INNER}[name](shown)
    assert holds is not None
    assert all(map(holds, [*shown, *keeping]))
    assert not any(map(holds, breaking))


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sign", [1, -1]),
        ("sign", ["a", True]),  # a bool is no number
        ("ranges", ["a"]),
        ("characters", [1]),
        ("lengths", [1]),
        ("distinct", [[1, 1, 2], [3, 4]]),
        ("distinct", [[1, 2], [3, 4]]),  # four items show little
        ("ascending", [[1, 2, 3, 4, 5]]),  # so does one list
        ("ascending", [[1, 1, 1], [1, 1, 1]]),
        ("ascending", [[1, 2, 2], [4, 3]]),
        ("row_lengths", [[1], [1, 2]]),
    ],
)
def test_other_values_show_nothing(name: str, values: list[Value]) -> None:
    assert {**INVARIANTS, **INNER}[name](values) is None


@pytest.mark.parametrize(
    ("name", "inputs", "relation", "broken", "repaired"),
    [
        ("sorted_lists", [([1, 2, 5],), ([2, 3],)], InOrder(0, reverse=False), ([3, 1, 2],), ([1, 2, 3],)),
        ("sorted_lists", [((9, 2, 1),), ((5, 3),)], InOrder(0, reverse=True), ((1, 2),), ((2, 1),)),
        ("equal_lengths", [([1], "a"), ([2, 3], "bc")], EqualLengths(0, 1), ([1, 2, 3], "x"), ([1], "x")),
        ("counts", [(2, [5, 5]), (1, [4])], CountOf(0, 1), (7, [1, 2, 3]), (3, [1, 2, 3])),
        (
            "within_lengths",
            [([5, 6], 1), ([7], 0)],
            WithinLength(1, 0, 0, is_index=True),
            ([5, 6, 7], 9),
            ([5, 6, 7], 2),
        ),
        ("within_lengths", [("ab", 2), ("c", 1)], WithinLength(1, 0, 1, is_index=False), ("ab", 0), ("ab", 1)),
        ("items", [(3, [1, 3]), (2, [2])], ItemOf(0, 1), (9, [4, 5]), (4, [4, 5])),
        ("orders", [(1, 5), (2, 2)], AtMost(0, 1, strictly=False), (7, 3), (3, 7)),
        ("orders", [(1, 5), (2.5, 3)], AtMost(0, 1, strictly=True), (7, 3), (3, 7)),
        (
            "rectangles",
            [([[1, 2], [3, 4], [5, 6]],), ([[1]],)],
            Rectangular(0, is_square=False),
            ([[1, 2], [3]],),
            ([[1], [3]],),
        ),
        ("rectangles", [([[1, 2], [3, 4]],), ([[1]],)], Rectangular(0, is_square=True), ([[1, 2]],), ([[1]],)),
        (
            "rows",
            [([(1, 3), (2, 4)],), ([(0, 9)],)],
            InRows(0, 2, AtMost(0, 1, strictly=True)),
            ([(5, 2), (1, 2)],),
            ([(2, 5), (1, 2)],),
        ),
    ],
)
def test_relations_are_found_told_broken_and_set_right(
    name: str, inputs: list[Arguments], relation: Relation, broken: Arguments, repaired: Arguments
) -> None:
    assert relation in list(RELATIONS[name](inputs))
    assert all(map(relation.holds, inputs))
    assert not relation.holds(broken)
    assert relation.repaired(broken) == repaired
    assert relation.holds(repaired)


@pytest.mark.parametrize(
    ("name", "inputs"),
    [
        ("sorted_lists", [([1, 2, 5],), ([3, 2],)]),
        ("sorted_lists", [([1, 2],), ([2, 3],)]),  # four items show little
        ("sorted_lists", [([1, "a"],), ([2, 3],)]),
        ("equal_lengths", [([1], "a"), ([2, 3], "b")]),
        ("counts", [(2, [5, 5]), (1, [])]),
        ("within_lengths", [([5], 3)]),
        ("items", [(3, [1])]),
        ("items", [(["a"], {"a": 1})]),  # a list is no key
        ("orders", [(1, 2), (2, 1)]),
        ("orders", [("a", "b")]),
        ("rectangles", [([[1], [2, 3]],)]),
        ("rectangles", [([[1]],), ([[2]],)]),  # single rows
        ("rows", [([(1, 2)],), ([(2, 3)],)]),  # two rows show little
    ],
)
def test_other_inputs_show_no_relation(name: str, inputs: list[Arguments]) -> None:
    assert list(RELATIONS[name](inputs)) == []


def test_every_row_of_the_table_has_its_tests() -> None:
    tables = [
        *test_what_values_show_tells_others_apart.pytestmark,
        *test_relations_are_found_told_broken_and_set_right.pytestmark,
    ]
    assert {case[0] for mark in tables for case in mark.args[1]} == {*INVARIANTS, *INNER, *RELATIONS}


def test_paths_lead_into_lists_and_dicts() -> None:
    found = gathered([([[1], [2, 3]], {"a": 4}), ([], {})])
    assert found[0, "*"] == [[1], [2, 3]]
    assert found[0, "**"] == [1, 2, 3]
    assert (found[1, "k"], found[1, "v"]) == (["a"], [4])


def test_an_input_is_held_against_all_that_is_shown() -> None:
    shown = Shown.by([([1, 2, 5], 1), ([2, 3, 4], 2)])
    assert shown.holds(([1, 4], 1))
    assert not shown.holds(([4, 1], 1))  # not sorted
    assert not shown.holds(([1, 4], 4))  # an item, but no index
    assert not shown.holds(([3, 4], 1))  # the other way round
    assert not shown.holds(([1, 4],))  # another arity
    assert not shown.holds(([1, [4]], 1))  # nothing ever stood so deep
    assert shown.holds(shown.repaired(([5, 1, 3], 8)))
