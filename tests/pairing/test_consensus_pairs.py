from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.agreement.consensus import Consensus
from conself.pairing.consensus_pairs import ConsensusPairs
from conself.pairing.ranking import why_no_pair
from conself.records import Pool, PreferencePair

MakeCase = Callable[..., tuple[Pool, Consensus]]
PAIRS = ConsensusPairs(max_losers=3, crashed_fill=True)


def chosen_and_rejected(pairs: list[PreferencePair]) -> list[tuple[int, int | None]]:
    return [(pair.chosen_index, pair.rejected_index) for pair in pairs]


def test_a_pair_trains_on_texts_and_carries_both_scores(make_case: MakeCase) -> None:
    # V_1 = {a, a, a}, V_2 = {b, b, c}: R_1 = R_2 = (1 + 2/3) / 2 = 5/6, R_0 = (1 + 1/3) / 2 = 2/3
    [pair] = PAIRS(*make_case(["ac", "ab", "ab"]), "the prompt")
    assert pair == PreferencePair(
        "p", "the prompt", "text 1", "text 0", 1, 0, pytest.approx(5 / 6), pytest.approx(2 / 3)
    )


def test_losers_are_the_three_lowest_live_ones(make_case: MakeCase) -> None:
    # V_1 = {a x 4, b, c x 2}: R = 4/7 for a, 2/7 for c, 1/7 for b
    case = make_case(["a", "a", "a", "c", "c", "b", "a", "."])
    assert chosen_and_rejected(PAIRS(*case, "")) == [(0, 5), (0, 3), (0, 4)]
    assert chosen_and_rejected(ConsensusPairs(1, True)(*case, "")) == [(0, 5)]


def test_a_crashed_loser_never_stands_beside_a_live_one(make_case: MakeCase) -> None:
    assert chosen_and_rejected(PAIRS(*make_case([".", "a", "a", "b", "."]), "")) == [(1, 3)]


def test_crashed_losers_fill_in_where_no_live_one_qualifies(make_case: MakeCase) -> None:
    case = make_case([".", "a", "a", ".", ".", "."])
    assert chosen_and_rejected(PAIRS(*case, "")) == [(1, 0), (1, 3), (1, 4)]
    assert ConsensusPairs(3, False)(*case, "") == []
    assert why_no_pair(*case) == "only crashed candidates score below the winner"


def test_identical_programs_are_used_once(make_case: MakeCase) -> None:
    case = make_case(["b", "b", "c", "a", "a", "a"], ["same", "same", "other", "x", "y", "z"])
    # R = 1/2 for a, 1/3 for b, 1/6 for c
    assert chosen_and_rejected(PAIRS(*case, "")) == [(3, 2), (3, 0)]


def test_the_winners_own_program_is_no_loser(make_case: MakeCase) -> None:
    # a program that answers differently from run to run: the same code, a lower score
    case = make_case(["a", "a", "b"], ["same", "other", "same"])
    assert PAIRS(*case, "") == []
    assert why_no_pair(*case) == "every lower candidate repeats the winner's program"


def test_completions_without_code_are_told_apart_by_their_text(make_case: MakeCase) -> None:
    case = make_case(["a", "a", ".", "."], ["x", "y", None, None])
    assert chosen_and_rejected(PAIRS(*case, "")) == [(0, 2), (0, 3)]


def test_reasons_for_no_pair(make_case: MakeCase) -> None:
    for rows, reason in [
        (["..", ".."], "every candidate crashed"),
        (["ab", "ab"], "no candidate scores below the winner"),
        (["a", "b"], "no candidate scores below the winner"),
    ]:
        case = make_case(rows)
        assert PAIRS(*case, "") == []
        assert why_no_pair(*case) == reason


def test_max_losers_must_be_positive() -> None:
    with pytest.raises(ValueError, match="max_losers must be at least 1, got 0"):
        ConsensusPairs(0, True)


@given(
    rows=st.lists(st.text("ab.", min_size=2, max_size=2), min_size=1, max_size=8),
    codes=st.lists(st.sampled_from(["x", "y", "z", None]), min_size=8, max_size=8),
)
def test_every_pair_prefers_strictly_more_agreement(
    make_case: MakeCase, rows: list[str], codes: list[str | None]
) -> None:
    pool, outcome = make_case(rows, codes[: len(rows)])
    pairs = PAIRS(pool, outcome, "")
    assert len(pairs) <= 3
    for pair in pairs:
        assert pair.rejected_consensus is not None
        assert pair.chosen_consensus > pair.rejected_consensus
    programs = [pool.candidates[pair.rejected_index].code for pair in pairs if pair.rejected_index is not None]
    written = [program for program in programs if program is not None]
    assert len(set(written)) == len(written)
    flags = {outcome.crashed[pair.rejected_index] for pair in pairs if pair.rejected_index is not None}
    assert len(flags) <= 1
