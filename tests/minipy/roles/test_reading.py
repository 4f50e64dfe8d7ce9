import pytest

from conself.minipy.compositions import identity
from conself.minipy.roles.reading import read
from conself.minipy.splits import split
from tests.minipy.reading import read as read_as_tests_do


@pytest.mark.parametrize("name", ["train", "validation", "test"])
def test_every_statement_of_a_split_is_read_as_its_chain(name: str) -> None:
    for problem, _ in split(name, 200, 0):
        steps = read(problem.statement)
        assert steps is not None
        assert identity(steps) == identity(read_as_tests_do(problem.statement))


@pytest.mark.parametrize(
    ("statement", "chain"),
    [
        ("Keep the even numbers.", "keep_even"),
        ("Keep the even numbers, then add 3 to each number.", "keep_even | add_each:3"),
        ("Count the words; double it.", "count_words | double"),
    ],
)
def test_by_hand(statement: str, chain: str) -> None:
    steps = read(statement)
    assert steps is not None
    assert identity(steps) == chain


@pytest.mark.parametrize(
    "statement",
    [
        "",
        ".",
        "Keep the even numbers",  # no full stop
        "keep the even numbers.",  # no capital
        "Keep the the even numbers.",
        "Keep the even numbers, then.",
        "Keep the even numbers, then double it.",  # a list cannot be doubled
        "Add 99 to each number.",  # no parameter of the world
        "Keep the even numbers, then sort the list; reverse the list.",  # two ways to join
    ],
)
def test_what_is_no_statement_of_the_world(statement: str) -> None:
    assert read(statement) is None
