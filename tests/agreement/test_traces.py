import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.agreement.traces import agreement_of, clusters, crashed, semantic_entropy, trace_keys
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
    outcome = agreement_of(keys_of("ab", "ab", "a.", "cb", ".."))
    assert outcome.crashed == (False, False, False, False, True)
    assert outcome.n_alive == 4
    assert outcome.clusters == ((0, 1), (2,), (3,))
    assert (outcome.cluster_of(1), outcome.cluster_of(3)) == ((0, 1), (3,))
    with pytest.raises(ValueError, match="candidate 4 crashed on all inputs"):
        outcome.cluster_of(4)
    # shares 2/4, 1/4, 1/4: H = 1/2 ln 2 + 2 * 1/4 ln 4 = 1.5 ln 2
    assert semantic_entropy([2, 1, 1]) == pytest.approx(1.5 * math.log(2), abs=1e-15)


def test_without_a_live_candidate_there_is_no_cluster() -> None:
    assert agreement_of(keys_of("..", "..")).clusters == ()


def test_without_inputs_or_candidates_nothing_is_shown() -> None:
    assert agreement_of([]).clusters == ()
    outcome = agreement_of([[], []])
    assert (outcome.crashed, outcome.clusters) == ((True, True), ())


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
    assert len(agreement_of(trace_keys(pool_of(rows, entry_point=None), METHOD)).clusters) == 1
    assert len(agreement_of(trace_keys(pool_of(rows), METHOD)).clusters) == 2


def test_a_pool_that_does_not_fit_together() -> None:
    with pytest.raises(ValueError, match="candidate 0 has 1 outcomes for 2 inputs"):
        trace_keys(pool_of([[ok("1")]], n_inputs=2), METHOD)
    pool = pool_of([[ok("1")], [ok("2")]])
    with pytest.raises(ValueError, match="1 traces for 2 candidates"):
        trace_keys(Pool(pool.problem, pool.candidates, pool.traces[:1]), METHOD)


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
    one, other = map(agreement_of, both)
    sizes = [[len(group) for group in outcome.clusters] for outcome in (one, other)]
    assert sizes[0] == sizes[1]
    if sizes[0]:
        assert semantic_entropy(sizes[0]) == semantic_entropy(sizes[1])


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9))
def test_entropy_lies_between_zero_and_the_log_of_clusters(sizes: list[int]) -> None:
    entropy = semantic_entropy(sizes)
    assert 0 <= entropy <= math.log(len(sizes)) + 1e-12
    assert (entropy == 0) == (len(sizes) == 1)


@given(st.integers(1, 40))
def test_all_distinct_is_log_k(k: int) -> None:
    assert semantic_entropy([1] * k) == pytest.approx(math.log(k), abs=1e-12)
