"""The page on problems that were trained on: what it counts, which it chooses, what it shows of them."""

from pathlib import Path

import pytest

from conself.agreement.traces import agreement_of
from conself.records import Candidate, Pool, PreferencePair, Problem
from experiments.real_backbone.case_study import Case, cases_of, chosen, page


def answer(name: str, code: str | None, text: str = "") -> Candidate:
    return Candidate(name, 0, None, text, code, "stop", None, None, None, 3)


def case(
    name: str, right: str, loser: int | None = 2, before: bool = False, after: bool = False, entropy: float | None = 0.5
) -> Case:
    """Programs a, a, b and one that crashes; the first is the winner. R(a) = 2/3, R(b) = 1/3."""
    problem = Problem(name, "", "", "f", ("(1,)",), "", "")
    programs = [Candidate(name, i, None, "", f"x = {i}", "stop", None, None, None, 3) for i in range(4)]
    agreement = agreement_of([["a"], ["a"], ["b"], [None]])
    pairs = [PreferencePair(name, "", "", None if loser is None else "", 0, loser, 2 / 3)]
    greedy = (answer(name, "before"), before), (answer(name, "after"), after)
    return Case(Pool(problem, programs, []), agreement, [bit == "1" for bit in right], entropy, pairs, *greedy)


def test_the_first_of_each_kind_is_shown_once() -> None:
    cases = [
        case("both-right", "1111"),  # a right loser
        case("target", "1000", loser=None),  # no loser at all: a target of supervised fine-tuning
        case("golden", "1100"),
        case("wrong", "0011", before=True),  # changes sides as well, but is taken for its winner
        case("fixed", "1111", after=True),
        case("golden-too", "1100", after=True),
    ]
    assert [each.pool.problem.id for _, each in chosen(cases)] == ["golden", "wrong", "fixed"]
    head = "\n".join(page(cases)).split("\n## ")[0]
    assert "6 problems have pairs" in head
    assert "right: 1 before training, 2\nafter (2 fixed, 1 broken)" in head


def test_clusters_with_their_share_of_votes_and_the_pair() -> None:
    text = "\n".join(page([case("p", "1100")]))
    assert "2 of 4 programs are right; 1 crash on all inputs,\n1 of them. H_norm = 0.500." in text
    assert "| 1 | 0, 1 | 2 | 0.667 | 0 |  |\n| 2 | 2 | 0 | 0.333 |  | 2 |" in text
    assert "Winner (right):\n\n```python\nx = 0\n```" in text
    assert "First loser (wrong):\n\n```python\nx = 2\n```" in text
    assert "Greedy answer after (wrong):\n\n```python\nafter\n```" in text


def test_what_is_undefined_crashed_or_no_program_is_said() -> None:
    text = "\n".join(page([case("p", "0000", loser=3, entropy=None)]))
    assert "H_norm = undefined" in text
    assert "Losers that crash: 3." in text
    told = case("p", "0000")
    plain = Case(
        *(told.pool, told.agreement, told.passed, 0.5, told.pairs, told.before), (answer("p", None, "a ``` b"), False)
    )
    assert "````python\na ``` b\n````" in "\n".join(page([plain]))


def test_a_folder_without_pairs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("a: 1\n")
    with pytest.raises(
        SystemExit, match="has no pairs: give the folder of a finished run of one round, with its store"
    ):
        cases_of(tmp_path)
