"""Which problems a step is about."""

import hashlib
import json
from itertools import chain

import pytest

from conself.online.steps import problems_of, split
from tests.online.online_world import problems

SEVEN = problems(7)


def by_hash(epoch: int, seed: int) -> list[str]:
    def digest(name: str) -> str:
        return hashlib.sha256(json.dumps(["order", seed, epoch, name]).encode()).hexdigest()

    return sorted((p.id for p in SEVEN), key=digest)


def test_an_epoch_has_each_problem_once_in_an_order_of_its_own() -> None:
    """Seven problems three at a time: steps of 3, 3 and 1; the fourth step begins the next epoch."""
    steps = [[p.id for p in problems_of(step, SEVEN, 3, seed=5)] for step in range(6)]
    assert [len(step) for step in steps] == [3, 3, 1, 3, 3, 1]
    assert list(chain(*steps[:3])) == by_hash(0, 5)
    assert list(chain(*steps[3:])) == by_hash(1, 5)
    assert by_hash(0, 5) != by_hash(1, 5)


def test_the_order_of_the_data_set_is_no_matter() -> None:
    assert problems_of(1, SEVEN[::-1], 3, seed=5) == problems_of(1, SEVEN, 3, seed=5)


def test_held_out_problems_are_not_trained_on_and_follow_from_the_seed() -> None:
    trained, held_out = split(SEVEN, 3, seed=1)
    assert len(held_out) == 3
    assert sorted([*trained, *held_out], key=SEVEN.index) == SEVEN
    assert split(SEVEN[::-1], 3, seed=1)[1][::-1] == held_out
    assert {p.id for p in split(SEVEN, 3, seed=2)[1]} != {p.id for p in held_out}
    assert split(SEVEN, 0, seed=1) == (SEVEN, [])


def test_held_out_problems_leave_something_to_train_on() -> None:
    with pytest.raises(ValueError, match=r"guard\.held_out=7 leaves nothing to train on of 7 problems"):
        split(SEVEN, 7, seed=1)
