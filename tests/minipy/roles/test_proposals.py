from collections import Counter
from math import sqrt

import pytest

from conself.minipy.compositions import Steps, identity
from conself.minipy.primitives import KNOWN
from conself.minipy.randomness import generator
from conself.minipy.roles.proposals import (
    DEFECTS,
    TOPICS,
    Proposal,
    chain_of,
    draw_defect,
    draw_topic,
    on_topic,
    read_proposal,
    write_proposal,
)
from conself.minipy.roles.reading import read

REPLY = """<exercise>
Task: Keep the even numbers, then sum the squares.
Signature: def f(xs)
Example: f([3,4]) == ( # [4]
16)
</exercise>"""


def chain(statement: str) -> Steps:
    steps = read(statement)
    assert steps is not None
    return steps


STEPS = chain("Keep the even numbers, then sum the squares.")


def test_a_proposal_is_read_by_hand() -> None:
    proposal = read_proposal(REPLY)
    assert proposal == Proposal("Keep the even numbers, then sum the squares.", "def f(xs)", "f([3,4]) == ( # [4]\n16)")
    steps = chain_of(proposal)
    assert steps is not None
    assert identity(steps) == "keep_even | sum_squares"


@pytest.mark.parametrize(
    "reply",
    [
        "",
        REPLY.removesuffix("\n</exercise>"),  # cut by length
        REPLY.replace("def f(xs)", "def f(n)"),
        REPLY.replace("def f(xs)", "def f(xs):"),
        REPLY.replace("even", "odd even"),
        REPLY.replace("Example: f([3,4]) == ( # [4]\n16)\n", ""),
        REPLY.replace("Task", "Taks"),
    ],
)
def test_proposals_that_are_not_valid(reply: str) -> None:
    assert chain_of(read_proposal(reply)) is None


def test_what_is_written_without_a_defect_is_valid_and_of_the_chain() -> None:
    for index in range(50):
        reply = write_proposal(STEPS, None, generator(f"test {index}"))
        assert chain_of(read_proposal(reply)) == STEPS


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_spoils_its_own_field_and_no_other(defect: str) -> None:
    for index in range(50):
        proposal = read_proposal(write_proposal(STEPS, defect, generator(f"test {index}")))
        assert proposal.task is not None
        assert (read(proposal.task) is None) == (defect == "garbled")
        assert (proposal.signature != "def f(xs)") == (defect == "wrong_signature")
        assert (proposal.example is None) == (defect == "no_example")
        assert chain_of(proposal) is None


def test_defects_come_at_the_planned_rates() -> None:
    rng = generator("test defects")
    counts = Counter(draw_defect(rng) for _ in range(10_000))
    for defect, share in DEFECTS.items():
        assert abs(counts[defect] - 10_000 * share) <= 4.5 * sqrt(10_000 * share * (1 - share))


def test_topics_are_types_and_operations() -> None:
    assert len(set(TOPICS)) == len(TOPICS) == 3 + len(KNOWN)
    rng = generator("test topics")
    drawn = Counter(draw_topic(STEPS, rng) for _ in range(1000))
    assert set(drawn) == {"lists", "keep even", "sum squares"}
    assert 140 <= drawn["lists"] <= 260  # a fifth
    assert all(on_topic(STEPS, topic) for topic in drawn)
    assert not any(on_topic(STEPS, topic) for topic in ("strings", "sort"))
