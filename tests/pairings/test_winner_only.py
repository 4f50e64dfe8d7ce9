from collections.abc import Callable

from conself.agreement.behaviour import Behaviour
from conself.agreement.traces import Agreement
from conself.pairings.build import Paired, pairs_of
from conself.pairings.winner_only import WinnerOnly
from conself.rankings.consensus import Consensus
from conself.records import Pool

MakeCase = Callable[..., tuple[Pool, Agreement]]


def found(case: tuple[Pool, Agreement]) -> Paired:
    return pairs_of(*case, Consensus(Behaviour(False, None)), WinnerOnly())


def test_the_winner_alone_is_the_target(make_case: MakeCase) -> None:
    paired = found(make_case(["b", "a", "a"]))
    assert (paired.pairs, paired.ranked.winner_weight) == ([(1, None)], 2 / 3)


def test_a_unanimous_problem_still_has_a_target(make_case: MakeCase) -> None:
    paired = found(make_case(["a", "a"]))
    assert (paired.pairs, paired.ranked.winner_weight, paired.reason) == ([(0, None)], 1.0, None)


def test_no_target_where_every_candidate_crashed(make_case: MakeCase) -> None:
    paired = found(make_case([".", "."]))
    assert (paired.pairs, paired.reason) == ([], "every candidate crashed")
