"""Streaming on a toy machine: order, laziness, seats that stay taken, and the same candidates as in one batch."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from conself.engines.decoding import Decoding
from conself.engines.engine import Ask, Complete, Reply
from conself.engines.stream import Deliver, stream
from conself.prompts.prompts import Prompts
from conself.records import Candidate, Problem
from conself.samplers.guided import Plan, guided_candidates

PROMPTS = Prompts(system=None, observe="observe {n} {statement}", program="solve {statement}", guided="{observation}")
PLAN = Plan(3, 2, Decoding(0.7, 0.8, 10, 15), Decoding(1.0, 1.0, 10, 15), 5, PROMPTS)


def answer(ask: Ask, seed: int, drawn: Decoding) -> Reply:
    """Any reply, so long as it depends on prompt, seed and settings: one to three observations, or a program."""
    rng = random.Random(f"{ask.messages} {seed} {drawn}")
    lines = [f"{i + 1}. hint {rng.random()}" for i in range(rng.randint(1, 3))]
    return Reply("\n".join(lines), "stop", rng.random(), rng.random(), rng.randint(1, 40))


class Toy:
    """Samples take as many steps as their reply has tokens; ``seats`` of them move at a time, the oldest first."""

    def __init__(self, seats: int) -> None:
        self.seats = seats
        self.queue: dict[str, list] = {}
        self.taken: list[int] = []
        self.turns: dict[str, set[int]] = {}
        self.submitted = 0

    @property
    def live(self) -> int:
        return len(self.queue)

    def submit(self, asks: Sequence[Ask], drawn: Decoding, deliver: Deliver, turn: int) -> list[str]:
        names = []
        for ask in asks:
            self.turns.setdefault(ask.messages[-1]["content"].split()[-1], set()).add(turn)
        for number, ask in enumerate(asks):
            for place, seed in enumerate(ask.seeds):
                reply = answer(ask, seed, drawn)
                self.submitted += 1
                names.append(str(self.submitted))
                self.queue[names[-1]] = [reply.n_tokens, number, place, reply, deliver]
        return names

    def step(self) -> None:
        running = list(self.queue)[: self.seats]
        self.taken.append(len(running))
        for name in running:
            self.queue[name][0] -= 1
            if self.queue[name][0] == 0:
                _, number, place, reply, deliver = self.queue.pop(name)
                deliver(number, place, reply)

    def abort(self, names: Sequence[str]) -> None:
        for name in names:
            self.queue.pop(name, None)


def flow(problem: Problem, complete: Complete) -> list[Candidate]:
    return next(guided_candidates([problem], PLAN, complete))


def problems(count: int) -> list[Problem]:
    return [Problem(f"p{i}", f"statement {i}", "", "f", ("(1,)",), "test", "easy") for i in range(count)]


def at_once(asks: Sequence[Ask], drawn: Decoding) -> list[list[Reply]]:
    return [[answer(ask, seed, drawn) for seed in ask.seeds] for ask in asks]


@pytest.mark.parametrize("seats", [1, 7, 64])
def test_the_same_candidates_in_the_same_order_as_in_one_batch(seats: int) -> None:
    streamed = list(stream(problems(50), flow, Toy(seats), 6))
    assert streamed == list(guided_candidates(problems(50), PLAN, at_once))
    assert {c.observation_asks for group in streamed for c in group} == {1, 2}


def test_asks_of_all_rounds_come_with_the_number_of_their_problem() -> None:
    toy, two_rounds = Toy(7), lambda problem, complete: [twice(problem, complete)]
    list(stream(problems(20), two_rounds, toy, 1))
    assert toy.turns == {f"{number}{again}": {number} for number in range(20) for again in ("", "again")}


def twice(problem: Problem, complete: Complete) -> Any:
    for again in ("", "again"):
        ask = Ask([{"role": "user", "content": f"{problem.statement}{again}"}], (1,))
        replies = list(complete([ask], PLAN.programming))
    return replies


def test_seats_stay_taken_until_the_last_problems() -> None:
    toy = Toy(12)
    assert len(list(stream(problems(200), flow, toy, 6))) == 200
    busy = toy.taken[: int(len(toy.taken) * 0.9)]
    assert min(busy) == 12


def test_problems_are_read_as_needed_and_one_long_sample_holds_the_rest_in_bounds() -> None:
    read: list[str] = []

    def source() -> Iterator[Problem]:
        for problem in problems(10_000):
            read.append(problem.id)
            yield problem

    toy = Toy(8)
    results = stream(source(), flow, toy, 6)
    next(results)
    assert len(read) < 80
    long = Toy(8)
    long.submit = lambda asks, drawn, deliver, turn: slow(long, asks, drawn, deliver, turn)  # type: ignore[method-assign]
    read.clear()
    next(stream(source(), flow, long, 6))
    assert 16 * 8 / 6 - 1 <= len(read) <= 16 * 8 / 6 + 1


def slow(toy: Toy, asks: Sequence[Ask], drawn: Decoding, deliver: Deliver, turn: int) -> list[str]:
    names = Toy.submit(toy, asks, drawn, deliver, turn)
    if "statement 0" in asks[0].messages[0]["content"]:
        toy.queue[names[0]][0] = 5000
    return names


def test_a_reader_that_stops_early_leaves_nothing_behind() -> None:
    toy = Toy(8)
    results = stream(problems(100), flow, toy, 6)
    next(results)
    assert toy.live > 0
    results.close()
    assert toy.live == 0


def test_two_streams_share_a_machine() -> None:
    toy = Toy(8)
    other = [replace(p, id=f"q{i}") for i, p in enumerate(problems(20))]
    pairs = zip(stream(problems(20), flow, toy, 6), stream(other, flow, toy, 6), strict=True)
    left, right = zip(*pairs, strict=True)
    assert list(left) == list(guided_candidates(problems(20), PLAN, at_once))
    assert list(right) == list(guided_candidates(other, PLAN, at_once))


def test_an_error_of_a_flow_is_raised_and_frees_the_machine() -> None:
    def broken(problem: Problem, complete: Complete) -> list[Candidate]:
        if problem.id == "p5":
            raise ValueError("no such template")
        return flow(problem, complete)

    toy = Toy(8)
    with pytest.raises(ValueError, match="no such template"):
        list(stream(problems(10), broken, toy, 6))
    assert toy.live == 0


def test_no_problems() -> None:
    assert list(stream([], flow, Toy(8), 6)) == []
