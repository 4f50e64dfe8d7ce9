from collections.abc import Callable

from conself.agreement.consensus import Consensus
from conself.pairing.winner_only import WinnerOnly
from conself.records import Pool, PreferencePair

MakeCase = Callable[..., tuple[Pool, Consensus]]


def test_the_winner_alone_is_the_target(make_case: MakeCase) -> None:
    expected = PreferencePair("p", "the prompt", "text 1", None, 1, None, 2 / 3, None)
    assert WinnerOnly()(*make_case(["b", "a", "a"]), "the prompt") == [expected]


def test_a_unanimous_problem_still_has_a_target(make_case: MakeCase) -> None:
    [target] = WinnerOnly()(*make_case(["a", "a"]), "")
    assert (target.chosen_index, target.chosen_consensus) == (0, 1.0)


def test_no_target_where_every_candidate_crashed(make_case: MakeCase) -> None:
    assert WinnerOnly()(*make_case([".", "."]), "") == []
