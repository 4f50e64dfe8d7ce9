"""All held-out problems together, with differences and errors worked out by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from analysis.spread import by_problem
from conself.records import Verdict
from conself.store.tables import write_verdicts
from tests.analysis.run_folders import bits, write_run
from tests.analysis.tables.cells import row, table

FIGURES = {"n": 4, "pass@1": 0.5}
Z = 1.959964 + 0.841621  # of the normal distribution, from a table


def answered(folder: Path, benchmark: str, side: str, rows: Sequence[str]) -> None:
    """A problem for each text, an answer for each of its letters."""
    place = folder / "artifacts" / "evaluate" / benchmark / side
    place.mkdir(parents=True, exist_ok=True)
    verdicts = [Verdict(f"q{i}", "", tuple(bit == "1" for bit in text)) for i, text in enumerate(rows)]
    write_verdicts(place / "verdicts.jsonl", verdicts)


def run(
    folder: Path, method: str, tuned: dict[str, str], seed: int = 0, config: Mapping[str, Any] | None = None
) -> None:
    """A run with these greedy answers by benchmark; the base fails everything."""
    sides = {"base": FIGURES, "tuned": FIGURES}
    extra = {"benchmarks": dict.fromkeys(tuned, sides)}
    write_run(folder, method, seed, config=config, extra=extra, pool=False)
    for name, text in tuned.items():
        answered(folder, name, "base", ["0"] * len(text))
        answered(folder, name, "tuned", list(text))


def test_problems_of_all_benchmarks_count_once_each_whatever_their_names(tmp_path: Path) -> None:
    run(tmp_path, "conself", {"a": "11", "b": "000000"})
    found = row(table(tmp_path, "held_out"), method="conself", against="base", answers="greedy")
    assert (found["problems"], found["before"], found["after"]) == (8, 0.0, 0.25)
    assert found["difference"] == pytest.approx(0.25)
    assert (found["p"], found["test"]) == (0.5, "exact McNemar"), "two of two"
    # differences 1 1 0 0 0 0 0 0: variance (2 * .75^2 + 6 * .25^2) / 7 = 3 / 14
    assert found["found in 80% from"] == pytest.approx(Z * (3 / 14 / 8) ** 0.5, rel=1e-5)


def test_nothing_but_a_validation_split_leaves_no_table(tmp_path: Path) -> None:
    run(tmp_path, "conself", {"leetcode_validation": "10"})
    assert "but a validation split" in table(tmp_path, "held_out").left_out


def test_sampled_answers_are_a_row_of_their_own(tmp_path: Path) -> None:
    """Halves and quarters of problems: .25 + .5 over two problems. A greedy row stands beside."""
    run(tmp_path, "conself", {"a": "10"})
    answered(tmp_path, "a", "base_voters", ["1000", "0100"])
    answered(tmp_path, "a", "tuned_voters", ["1100", "1110"])
    found = row(table(tmp_path, "held_out"), method="conself", against="base", answers="sampled")
    assert (found["before"], found["after"], found["difference"]) == (0.25, 0.625, pytest.approx(0.375))
    assert found["relative"] == pytest.approx(1.5)
    assert found["test"] == "paired bootstrap"
    assert found["found in 80% from"] == pytest.approx(Z * 0.125, rel=1e-5), "differences .25 and .5: sd .177 / 2^.5"


def test_methods_stand_against_conself_as_well(tmp_path: Path) -> None:
    run(tmp_path / "c", "conself", {"a": "1111"})
    run(tmp_path / "s", "self_dpo", {"a": "1100"})
    found = row(table(tmp_path, "held_out"), method="self_dpo", against="conself")
    assert (found["before"], found["after"], found["difference"]) == (1.0, 0.5, pytest.approx(-0.5))


def test_other_problems_are_not_compared(tmp_path: Path) -> None:
    run(tmp_path / "c", "conself", {"a": "1111"})
    run(tmp_path / "s", "self_dpo", {"a": "110"})
    against = {(line[1], line[2]) for line in table(tmp_path, "held_out").rows}
    assert against == {("self_dpo", "base"), ("conself", "base")}


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("minipy_validation", {"split": "validation"}),  # as in conf/benchmark
        ("taco_validation", {"dataset": {"split": "test"}}),
        ("b", {"dataset": {"split": "validation"}}),
    ],
)
def test_every_kind_of_validation_split_is_left_out(tmp_path: Path, name: str, config: dict[str, Any]) -> None:
    run(tmp_path, "conself", {"a": "11", name: "000000"}, config={"benchmark": {"a": {}, name: config}})
    assert row(table(tmp_path, "held_out"), against="base", answers="greedy")["problems"] == 2


def test_the_benchmark_that_chose_the_best_round_is_left_out(tmp_path: Path) -> None:
    run(tmp_path, "conself", {"a": "11", "c": "000"}, config={"validation": "c"})
    assert row(table(tmp_path, "held_out"), against="base", answers="greedy")["problems"] == 2


def test_problems_of_a_benchmark_and_its_plus_form_count_once(tmp_path: Path) -> None:
    run(tmp_path, "conself", {"humaneval": "1100", "humaneval_plus": "1000"})
    found = row(table(tmp_path, "held_out"), against="base", answers="greedy")
    assert (found["problems"], found["after"]) == (4, 0.25)


def test_a_benchmark_that_one_seed_lacks_costs_no_seed(tmp_path: Path) -> None:
    for seed, tuned in enumerate(({"a": "11"}, {"a": "10"}, {"a": "01", "b": "0000"})):
        run(tmp_path / str(seed), "conself", tuned, seed=seed)
    found = row(table(tmp_path, "held_out"), against="base", answers="greedy")
    assert (found["seeds"], found["problems"]) == (3, 2)


def test_before_after_and_difference_agree_whatever_the_numbers_of_answers() -> None:
    """Three right answers of one seed and one wrong answer of another: .75, as their difference to nothing right."""
    first = {0: [Verdict("q", "", (False,) * 3)], 1: [Verdict("q", "", (False,))]}
    second = {0: [Verdict("q", "", (True,) * 3)], 1: [Verdict("q", "", (False,))]}
    found = by_problem(first, second)
    assert found is not None
    assert (found.before, found.after, found.difference.mean) == (0.0, 0.75, 0.75)


@pytest.mark.parametrize("texts", [("0", "1"), ("0101", "0101"), ("00", "11")], ids=["one", "equal", "constant"])
def test_no_spread_tells_no_detectable_difference(texts: tuple[str, str]) -> None:
    found = by_problem({0: bits(texts[0])}, {0: bits(texts[1])})
    assert found is not None
    assert found.detectable is None
