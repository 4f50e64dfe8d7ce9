"""UCoder's ablation by execution alone, by hand."""

import pytest

from conself.agreement.traces import agreement_of
from conself.rankings.ran_at_least import RanAtLeast
from conself.rankings.ranked import Ranked
from conself.records import Candidate, Pool, Problem

ROWS = ("....", "...d", "1234", "123.", "9234", "12..")
"""A letter per output, a dot for CRASH: six candidates run on 0, 1, 4, 3, 4 and 2 of 4 inputs."""


def ranked(share: float, rows: tuple[str, ...] = ROWS, *, drop_dead_inputs: bool = True) -> Ranked:
    drawn = [Candidate("p", k, None, "", "", "stop", None, None, None, 1) for k in range(len(rows))]
    agreement = agreement_of([[None if cell == "." else cell for cell in row] for row in rows])
    pool = Pool(Problem("p", "", "", "f", ("(1,)",) * len(rows[0]), "", ""), drawn, [])
    return RanAtLeast(share, drop_dead_inputs)(pool, agreement, None)


def test_the_first_of_those_that_run_on_enough_inputs() -> None:
    found = ranked(0.5)
    assert (found.winner, found.order, found.left_out) == (2, ((2,), (3,), (4,), (5,)), (0, 1))
    assert found.winner_weight is None
    assert ranked(0.25).winner == 1
    assert ranked(0.8).order == ((2,), (4,))


def test_an_input_on_which_all_crash_counts_only_if_asked_for() -> None:
    rows = ("a.", "b.")
    assert ranked(0.8, rows).winner == 0
    assert ranked(0.8, rows, drop_dead_inputs=False).reason == "no candidate runs on enough inputs"
    assert ranked(0.5, ("..", "..")).reason == "every candidate crashed"


def test_a_share_out_of_range() -> None:
    for share in (0.0, 1.1):
        with pytest.raises(ValueError, match=r"ranking\.share must lie in"):
            RanAtLeast(share, drop_dead_inputs=True)
