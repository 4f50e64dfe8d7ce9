"""Mutations as a part: what is proposed of a problem's inputs, and what is kept of it."""

import subprocess
import sys
from dataclasses import replace
from os import environ

import pytest

from conself.agreement.traces import agreement_of
from conself.amplifications.admission import ALL_AGREE, CRASHES, SPLITS_NOTHING
from conself.amplifications.mutations import Mutations
from conself.records import Problem
from conself.sandbox.jobs import arguments

PART = Mutations(seed=0, budget=30, changes=3, max_bytes=200, keep="valid", crash_share=0.5)
INPUTS = ("([1, 2, 5], 'ab', {'x': 1.5}, (1, 2))", "([], 'b', {}, (3, 4))", "([4], 'abba', {'y': -2.0}, (0, 9))")


def problem(*inputs: str) -> Problem:
    return Problem("p", "", "", "f", inputs, "mine", "")


def test_proposals_are_literals_of_the_same_form_and_new() -> None:
    proposed = PART.propose(problem(*INPUTS))
    texts = [new.text for new in proposed]
    assert len(set(texts)) == len(texts) == 30
    assert not set(texts) & set(INPUTS)
    for new in proposed:
        values = arguments(new.text)
        assert [type(value) for value in values] == [list, str, dict, tuple]
        assert 0 <= new.parent < 3
        assert 1 <= len(new.operators) <= 3


def test_the_same_is_proposed_whenever_it_is_asked() -> None:
    assert PART.propose(problem(*INPUTS)) == PART.propose(problem(*INPUTS))
    assert PART.propose(problem(*INPUTS)) != replace(PART, seed=1).propose(problem(*INPUTS))
    assert PART.propose(problem(*INPUTS)) != PART.propose(replace(problem(*INPUTS), id="q"))


def test_the_same_is_proposed_whatever_order_this_interpreter_has_sets_in() -> None:
    code = (
        "from tests.amplifications.test_mutations import PART, problem;"
        """print(PART.propose(problem("({'a', 'bc', 'd'}, [{'q', 'z', 'y'}])", "(['v', 'w'], [{'x'}])")))"""
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code], env=environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(said) == 1
    assert b"NewInput" in said.pop()


def test_an_own_input_written_in_another_way_is_not_new() -> None:
    proposed = PART.propose(problem("({'b','a'},True)", "({'a'},False)"))
    assert proposed
    values = [arguments(new.text) for new in proposed]
    assert ({"a", "b"}, True) not in values
    assert ({"a"}, False) not in values


def test_a_smaller_budget_proposes_the_first_of_a_larger_one() -> None:
    assert replace(PART, budget=5).propose(problem(*INPUTS)) == PART.propose(problem(*INPUTS))[:5]


@pytest.mark.parametrize("cap", [14, 40])
def test_no_proposal_is_longer_than_the_cap_in_bytes(cap: int) -> None:
    proposed = replace(PART, max_bytes=cap, budget=80).propose(
        problem("('éé', [1])", "('é', [])", f"('{'é' * 99}', [])")
    )
    assert all(len(new.text.encode()) <= cap for new in proposed)
    assert {new.parent for new in proposed} == {0, 1}  # the third is too long to be changed


@pytest.mark.parametrize(
    "inputs", [("()",), ("(None,)",), ("(True,)", "(False,)"), ("(1e999,)",), (f"({'9' * 5000},)",)]
)
def test_it_ends_where_next_to_nothing_can_be_changed(inputs: tuple[str, ...]) -> None:
    assert PART.propose(problem(*inputs)) == []


def test_each_arity_keeps_to_itself() -> None:
    proposed = PART.propose(problem("(1,)", "(2, 'a')", "(5,)", "(9, 'ab')"))
    assert {len(arguments(new.text)) for new in proposed if new.parent in (0, 2)} == {1}
    assert {len(arguments(new.text)) for new in proposed if new.parent in (1, 3)} == {2}


def test_an_input_that_breaks_every_program_is_never_kept() -> None:
    agreement = agreement_of([["1"], ["2"], ["3"]])
    for share in (0.1, 0.5, 1.0):
        for keep in ("valid", "splitting"):
            part = replace(PART, crash_share=share, keep=keep)
            assert part.admit(agreement, [[None], [None], [None]]) == [CRASHES]


def test_behaviours_count_once_however_many_candidates_show_them() -> None:
    # three copies of one program run, two other behaviours crash: two of three behaviours
    agreement = agreement_of([["1"], ["1"], ["1"], ["2"], ["3"], [None]])
    tried = [["5"], ["5"], ["5"], [None], [None], ["7"]]
    assert PART.admit(agreement, tried) == [CRASHES]
    assert replace(PART, crash_share=0.7).admit(agreement, tried) == [None]
    # a cluster of two that falls apart is half a crash: (1/2 + 0) / 2
    agreement = agreement_of([["1"], ["1"], ["2"]])
    assert replace(PART, crash_share=0.25).admit(agreement, [["5"], [None], ["6"]]) == [CRASHES]
    assert replace(PART, crash_share=0.26).admit(agreement, [["5"], [None], ["6"]]) == [None]


def test_without_a_live_candidate_nothing_is_valid() -> None:
    assert PART.admit(agreement_of([[None], [None]]), [["1"], ["2"]]) == [CRASHES]


@pytest.mark.parametrize("keep", ["valid", "splitting"])
def test_a_pool_whose_programs_all_agree_stays_as_it_is(keep: str) -> None:
    left_out = replace(PART, keep=keep).admit(agreement_of([["1", "2"], ["1", "2"]]), [["3", "4"], ["3", "4"]])
    assert left_out == [SPLITS_NOTHING if keep == "splitting" else ALL_AGREE] * 2


def test_valid_keeps_all_once_somebody_differs_and_splitting_what_divides_a_group() -> None:
    agreement = agreement_of([["1"], ["1"], ["1"], ["2"]])
    #        agree  splits  apart already  crash  splits on
    tried = [
        ["3", "4", "6", None, "8"],
        ["3", "5", "7", None, "8"],
        ["3", "4", "6", "1", "9"],
        ["9", "5", "7", None, "8"],
    ]
    assert PART.admit(agreement, tried) == [None, None, None, CRASHES, None]
    expected = [SPLITS_NOTHING, None, SPLITS_NOTHING, CRASHES, None]
    assert replace(PART, keep="splitting").admit(agreement, tried) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("budget", 0),
        ("changes", 0),
        ("max_bytes", 0),
        ("max_bytes", 5000),
        ("crash_share", 0.0),
        ("crash_share", 1.1),
        ("keep", "all"),
    ],
)
def test_settings_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"amplification\..*{name}"):
        replace(PART, **{name: value})
