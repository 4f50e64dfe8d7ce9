"""The figures of the checkpoint with roles, on replies whose figures are worked out by hand."""

import pytest

from conself.minipy.compositions import Steps
from conself.minipy.roles.reading import read
from experiments.minipy_roles.figures import Written, of_proposals, of_tests, output


def chain(statement: str) -> Steps:
    steps = read(statement)
    assert steps is not None
    return steps


def proposal(task: str, example: str, signature: str = "def f(xs)") -> str:
    return f"<exercise>\nTask: {task}\nSignature: {signature}\nExample: {example}\n</exercise>"


def test_figures_of_proposals_by_hand() -> None:
    asked = [
        ("lists", proposal("Keep the even numbers.", "f([3,4]) == [4]")),
        ("sort", proposal("Keep the even numbers; sum the squares.", "f([3,4]) == ( # [4]\n15)")),
        ("keep even", proposal("Keep the even numbers; sum the squares.", "f([3,4]) == ( # [4]\n16)")),
        ("lists", proposal("Keep the even numbers.", "f([3,4]) == [4]", "def f(n)")),
        ("lists", proposal("Keep keep the even numbers.", "f([3,4]) == [4]")),
        ("lists", "<exercise>\nTask: Keep the even numbers.\n</exercise>"),
    ]
    figures = of_proposals(asked, {"keep_even"})
    assert figures["proposals"] == 6
    assert figures["parsed"] == pytest.approx(5 / 6, abs=1e-3)
    assert figures["valid"] == 0.5
    assert figures["on_topic"] == pytest.approx(2 / 3, abs=1e-3)
    assert figures["in_no_split"] == pytest.approx(2 / 3, abs=1e-3)
    assert figures["distinct"] == pytest.approx(2 / 3, abs=1e-3)
    assert figures["steps"] == {"1": 1, "2": 2}
    assert figures["example_right"] == pytest.approx(2 / 3, abs=1e-3)


def test_figures_of_tests_by_hand() -> None:
    even, sums = chain("Keep the even numbers."), chain("Keep the even numbers; sum the squares.")
    figures = of_tests(
        [
            Written(even, "ordinary", "f([3,4]) == [4]\nf([3]) == [3]\nf([1],0) == []\nf([3,4]) == [4]"),
            Written(even, "empty", "f([]) == []\nf('a') == []\nf([3]) == 0"),
            Written(sums, "ordinary", "f([3,4]) == ( # [4]\n16)\nf([1]) == x"),
        ]
    )
    assert (figures["replies"], figures["tests"], figures["inputs"]) == (3, 6, 2.5)
    assert figures["rejected"] == {"arity": 1, "output_no_literal": 1, "repeated": 1}
    assert figures["right"] == 0.5
    assert figures["right_by_steps"] == {"1": 0.4, "2": 1.0}
    assert figures["right_by_sort"] == {
        "empty": pytest.approx(1 / 3, abs=1e-3),
        "ordinary": pytest.approx(2 / 3, abs=1e-3),
    }
    assert figures["right_by_operation"] == {"keep_even": 0.4}


def test_of_an_input_of_another_type_nothing_is_right() -> None:
    even = chain("Keep the even numbers.")
    assert output(even, "([3, 4],)") == "[4]"
    assert [output(even, text) for text in ("('a',)", "(3,)", "([True],)", "(['a'],)", "(None,)")] == [None] * 5
