import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.agreement.consensus import (
    clusters,
    consensus,
    consensus_of,
    consensus_scores,
    crashed,
    losers,
    semantic_entropy,
    trace_keys,
    winner,
)
from conself.records import Candidate, Outcome, Pool, Problem, Status, Trace
from conself.sandbox.canonical import canonical

METHOD = Comparison(list_equals_tuple=True, numbers="by_type", floats="digits", float_digits=6, split_whitespace=True)


def keys_of(*rows: str) -> list[list[str | None]]:
    """``"ab."`` is a trace of three cells: a, b, CRASH."""
    return [[None if cell == "." else cell for cell in row] for row in rows]


def pool_of(rows: Sequence[Sequence[Outcome]], entry_point: str | None = "f", n_inputs: int | None = None) -> Pool:
    width = len(rows[0]) if n_inputs is None else n_inputs
    problem = Problem("p", "", "", entry_point, ("(1,)",) * width, "", "")
    candidates = [Candidate("p", k, None, f"t{k}", f"c{k}", "stop", None, None, None, 1) for k in range(len(rows))]
    return Pool(problem, candidates, [Trace("p", k, tuple(row)) for k, row in enumerate(rows)])


def ok(value: str) -> Outcome:
    return Outcome(Status.OK, value)


def test_a_problem_worked_by_hand() -> None:
    outcome = consensus_of(keys_of("ab", "ab", "a.", "cb", ".."))
    assert outcome.crashed == (False, False, False, False, True)
    assert outcome.n_alive == 4
    assert outcome.clusters == ((0, 1), (2,), (3,))
    # V_1 = {a, a, a, c}, V_2 = {b, b, b}
    # R_0 = R_1 = (3/4 + 3/3) / 2 = 0.875; R_2 = (3/4 + 0) / 2 = 0.375; R_3 = (1/4 + 1) / 2 = 0.625; R_4 = 0
    assert outcome.scores == (0.875, 0.875, 0.375, 0.625, 0.0)
    assert outcome.winner == 0
    assert losers(outcome) == [2, 3, 4]
    # shares 2/4, 1/4, 1/4: H = 1/2 ln 2 + 2 * 1/4 ln 4 = 1.5 ln 2
    assert semantic_entropy([2, 1, 1]) == pytest.approx(1.5 * math.log(2), abs=1e-15)


def test_an_input_on_which_all_crash_adds_nothing_but_counts() -> None:
    # V_2 is empty: R = (1/1 + 0) / 2
    assert consensus_scores(keys_of("a.", "..")) == [0.5, 0.0]


def test_crashed_losers_come_after_all_live_ones() -> None:
    outcome = consensus_of(keys_of("..", "aa", "aa", "ab", "..", "cd"))
    # R_1 = (3/4 + 2/4) / 2 = .625, R_3 = (3/4 + 1/4) / 2 = .5, R_5 = (1/4 + 1/4) / 2 = .25
    assert outcome.winner == 1
    assert losers(outcome) == [5, 3, 0, 4]


def test_losers_of_equal_score_come_by_index() -> None:
    assert losers(consensus_of(keys_of("a", "c", "a", "b"))) == [1, 3]


def test_winner_ties_go_to_the_lowest_index() -> None:
    assert winner([0.2, 0.7, 0.7 + 1e-13, 0.1]) == 1
    assert winner([0.2, 0.7, 0.7 + 1e-11]) == 2
    outcome = consensus_of(keys_of("b", "a"))
    assert outcome.winner == 0
    assert losers(outcome) == []


def test_float_noise_separates_no_scores() -> None:
    # candidate 0 collects .1, .2, .3 and candidate 1 .3, .2, .1: as floats these sums differ
    assert 0.1 + 0.2 + 0.3 != 0.3 + 0.2 + 0.1
    scores = consensus_scores(keys_of("aac", "bad", "bzc", "bzc", *["zzz"] * 6))
    assert scores[0] == scores[1] == 0.2


def test_without_a_live_candidate_there_is_no_winner() -> None:
    outcome = consensus_of(keys_of("..", ".."))
    assert (outcome.winner, outcome.clusters, outcome.scores, losers(outcome)) == (None, (), (0.0, 0.0), [])


def test_without_inputs_or_candidates_nothing_is_shown() -> None:
    assert consensus_of([]).winner is None
    outcome = consensus_of([[], []])
    assert (outcome.crashed, outcome.scores, outcome.winner) == ((True, True), (0.0, 0.0), None)


def test_entropy_of_one_and_of_equal_clusters() -> None:
    assert semantic_entropy([7]) == 0.0
    assert math.copysign(1, semantic_entropy([7])) == 1
    assert semantic_entropy([3, 3]) == pytest.approx(math.log(2), abs=1e-15)


@pytest.mark.parametrize("sizes", [[], [2, 0]])
def test_entropy_needs_members(sizes: list[int]) -> None:
    with pytest.raises(ValueError, match="at least one cluster"):
        semantic_entropy(sizes)


def test_what_is_constant_is_so_under_a_tolerance_too() -> None:
    """Another candidate's 0.3 is the same number on the first input, and not there on the second."""
    rows = ((0.1 + 0.2, 0.1 + 0.2), (0.3, 5.5))
    pool = pool_of([[ok(canonical(value)) for value in row] for row in rows])
    comparison = Comparison(True, "by_value", "tolerance", 6, True)
    constant, other = Behaviour(False, 2)(trace_keys(pool, comparison), is_stdin=False)
    assert constant == (None, None)
    assert None not in other


def test_what_cannot_be_read_is_not_the_same_on_two_inputs() -> None:
    keys = trace_keys(pool_of([[ok(canonical(len))] * 2]), Comparison(True, "by_value", "tolerance", 6, True))
    assert len(set(keys[0])) == 2


def test_trace_keys_follow_the_comparison_and_every_failure_is_crash() -> None:
    failures = [Outcome(status, "x") for status in Status if status is not Status.OK]
    pool = pool_of([[ok("[1]"), *failures], [ok('{"t":[1]}'), *[ok("null")] * len(failures)]])
    first, second = trace_keys(pool, METHOD)
    assert first[0] is not None
    assert first[0] == second[0]
    assert first[1:] == [None] * 7
    assert None not in second


def test_stdin_problems_compare_by_tokens() -> None:
    rows = [[ok('"1 2\\n"')], [ok('"1  2"')]]
    assert len(consensus(pool_of(rows, entry_point=None), METHOD).clusters) == 1
    assert len(consensus(pool_of(rows), METHOD).clusters) == 2


def test_a_pool_that_does_not_fit_together() -> None:
    with pytest.raises(ValueError, match="candidate 0 has 1 outcomes for 2 inputs"):
        consensus(pool_of([[ok("1")]], n_inputs=2), METHOD)
    pool = pool_of([[ok("1")], [ok("2")]])
    with pytest.raises(ValueError, match="1 traces for 2 candidates"):
        consensus(Pool(pool.problem, pool.candidates, pool.traces[:1]), METHOD)


_ROWS = st.integers(1, 4).flatmap(
    lambda m: st.lists(st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=m, max_size=m), min_size=1, max_size=8)
)


@given(_ROWS)
def test_clusters_partition_the_live_candidates(rows: list[list[str | None]]) -> None:
    groups = clusters(rows)
    live = [index for index, dead in enumerate(crashed(rows)) if not dead]
    assert sorted(index for group in groups for index in group) == live
    for group in groups:
        assert len({tuple(rows[index]) for index in group}) == 1
    assert len({tuple(rows[group[0]]) for group in groups}) == len(groups)
    assert [len(group) for group in groups] == sorted((len(group) for group in groups), reverse=True)


@given(_ROWS.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_the_order_of_candidates_changes_nothing(both: tuple[list[list[str | None]], list[list[str | None]]]) -> None:
    one, other = map(consensus_of, both)
    assert sorted(one.scores) == sorted(other.scores)
    sizes = [[len(group) for group in outcome.clusters] for outcome in (one, other)]
    assert sizes[0] == sizes[1]
    if sizes[0]:
        assert semantic_entropy(sizes[0]) == semantic_entropy(sizes[1])


@given(_ROWS)
def test_scores_lie_in_the_unit_interval_and_only_crashed_ones_are_zero(rows: list[list[str | None]]) -> None:
    outcome = consensus_of(rows)
    assert all(0 <= score <= 1 for score in outcome.scores)
    assert [score == 0 for score in outcome.scores] == list(outcome.crashed)
    if outcome.winner is not None:
        assert outcome.scores[outcome.winner] == pytest.approx(max(outcome.scores), abs=1e-12)
        assert all(outcome.scores[index] < outcome.scores[outcome.winner] for index in losers(outcome))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_entropy_lies_between_zero_and_the_log_of_clusters(sizes: list[int]) -> None:
    entropy = semantic_entropy(sizes)
    assert 0 <= entropy <= math.log(len(sizes)) + 1e-12
    assert (entropy == 0) == (len(sizes) == 1)


@given(st.integers(1, 40))
def test_all_distinct_is_log_k(k: int) -> None:
    assert semantic_entropy([1] * k) == pytest.approx(math.log(k), abs=1e-12)
