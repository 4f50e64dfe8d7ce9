"""UCoder's pick, by hand."""

from collections.abc import Sequence

import pytest

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import agreement_of
from conself.rankings.ranked import Ranked
from conself.rankings.reliable_cluster import ReliableCluster
from conself.records import Candidate, Pool, Problem


def ranked(
    rows: Sequence[str],
    nll: Sequence[float | None] = (),
    passes: Sequence[str] | None = None,
    rho: float = 0.8,
    min_cluster: int = 2,
    drop_dead_inputs: bool = True,
) -> Ranked:
    """A letter per output, a dot for CRASH; of tests 1 for passed, 0 for failed."""
    log_probs = [*nll, *[None] * (len(rows) - len(nll))]
    drawn = [Candidate("p", k, None, "", "", "stop", log_probs[k], None, None, 1) for k in range(len(rows))]
    pool = Pool(Problem("p", "", "", "f", ("(1,)",) * len(rows[0]), "", ""), drawn, [])
    agreement = agreement_of([[None if cell == "." else cell for cell in row] for row in rows])
    bits = {".": None, "1": True, "0": False}
    matrix = None if passes is None else PassingMatrix(tuple(tuple(bits[cell] for cell in row) for row in passes))
    signature = "outputs" if passes is None else "passes"
    return ReliableCluster(rho, min_cluster, drop_dead_inputs, signature)(pool, agreement, matrix)


def test_the_likeliest_of_the_largest_cluster() -> None:
    found = ranked(["abcde", "fghij", "abcde", "abcde", "klmno", "klmno"], [0.3, 0.1, 0.2, 0.4, 0.05, 0.05])
    assert (found.winner, found.solutions, found.winner_weight) == (2, (2, 0, 3), 3 / 6)
    assert found.order == ((2,), (0,), (3,), (4, 5), (1,))


def test_who_crashes_too_often_is_left_out_before_clusters_are_made() -> None:
    rows = ["ab..e", "ab..e", "ab..e", "abcd.", "abcd.", "....."]  # run on 3, 3, 3, 4, 4 and 0 of 5 inputs
    found = ranked(rows)
    assert (found.solutions, found.left_out, found.winner_weight) == ((3, 4), (0, 1, 2, 5), 2 / 6)
    assert ranked(rows, rho=0.6).solutions == (0, 1, 2)


def test_an_input_on_which_all_crash_does_not_count() -> None:
    rows = ["a.", "a."]
    assert ranked(rows).solutions == (0, 1)
    assert ranked(rows, drop_dead_inputs=False).reason == "no reliable candidate"


def test_reasons_for_nobody() -> None:
    assert ranked(["a", "b"]).reason == "no cluster is large enough"
    assert ranked(["a", "b"]).order == ((0,), (1,))
    assert ranked(["a", "b"], min_cluster=1).winner == 0
    assert ranked(["a.", ".b"], rho=0.6).reason == "no reliable candidate"
    assert ranked([".", "."]).reason == "every candidate crashed"


def test_equally_large_clusters_are_told_apart() -> None:
    # e is 5/5 for the second cluster and 4/5 for the first
    assert ranked(["abcd.", "abcd.", "efghi", "efghi"], [0.1] * 4).solutions == (2, 3)
    # equal e: the lower mean f, .2 against .25
    assert ranked(["a", "a", "b", "b"], [0.1, 0.4, 0.2, 0.2]).solutions == (2, 3)
    # all equal: the lowest index
    assert ranked(["b", "a", "a", "b"], [0.1] * 4).solutions == (0, 3)


def test_no_likelihood_comes_last() -> None:
    assert ranked(["a", "a"], [None, 5.0]).winner == 1
    assert ranked(["a", "a"], [None, None]).winner == 0


def test_within_a_cluster_of_outputs_all_run_as_often_and_likelihood_picks_alone() -> None:
    """A crash is part of a trace, so e is the same for equal traces; pass bits put crashes and failures together."""
    rows = ["abcd.", "abcde"]  # e: 4/5 and 5/5
    assert ranked(rows, [0.1, 0.9], min_cluster=1).solutions == (1,)
    # the same pass bits 11110 for both: one cluster, in which e goes before f
    found = ranked(rows, [0.1, 0.9], passes=["1111.", "11110"])
    assert (found.solutions, found.winner) == ((1, 0), 1)


def test_pass_bits_need_tests() -> None:
    pool = Pool(Problem("p", "", "", "f", ("(1,)",), "", ""), [], [])
    found = ReliableCluster(0.8, 2, True, "passes")(pool, agreement_of([["a"]]), None)
    assert (found.reason, found.applies) == ("no generated tests", False)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ((0.0, 2, True, "outputs"), r"rho must lie in \(0, 1\], got 0.0"),
        ((1.2, 2, True, "outputs"), r"rho must lie in \(0, 1\], got 1.2"),
        ((0.8, 0, True, "outputs"), "min_cluster must be at least 1, got 0"),
        ((0.8, 2, True, "bits"), "signature must be one of outputs, passes, got 'bits'"),
    ],
)
def test_settings_without_meaning_are_refused(settings: tuple[float, int, bool, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ReliableCluster(*settings)
