"""Exercises as a proposer writes them: a chain of steps with a typed signature, an example and a hint."""

import random
from dataclasses import dataclass

from conself.minipy.compositions import KNOWN_OPERATIONS, Steps, draw_steps, side, statement
from conself.minipy.observations import draw_observations
from conself.minipy.primitives.base import Kind
from conself.minipy.roles.claims import apply_steps
from conself.minipy.roles.inputs import draw_input
from conself.minipy.splits import behaviour

TYPE_TOPICS = {Kind.LIST: "lists", Kind.INT: "numbers", Kind.STR: "strings"}
TYPE_TOPIC_SHARE = 0.1  # of exercises whose topic is the type of the argument; else it is one of the operations

_TYPES = {Kind.LIST: "list[int]", Kind.INT: "int", Kind.STR: "str"}


@dataclass(frozen=True, slots=True)
class Exercise:
    """The texts of an exercise, and the chain that it asks for."""

    steps: Steps
    topic: str
    task: str
    signature: str
    example: str
    hint: str

    @property
    def proposal(self) -> str:
        """The exercise between its marks, as an author answers."""
        return (
            f"<exercise>\nTask: {self.task}\nSignature: {self.signature}\nExample: {self.example}\n"
            f"Hint: {self.hint}\n</exercise>"
        )

    @property
    def skeleton(self) -> str:
        """The function without its body."""
        return f"{self.signature}:\n    ..."


def draw_chain(lengths: dict[int, float], rng: random.Random) -> Steps:
    """Draw a chain of known steps from the corpus's side of the partition; ``lengths`` are shares of its length."""
    count = rng.choices(tuple(lengths), tuple(lengths.values()))[0]
    while True:
        steps = draw_steps(KNOWN_OPERATIONS, count, rng)
        if side(steps) == "corpus":
            return steps


def draw_exercise(lengths: dict[int, float], rng: random.Random) -> Exercise:
    """Draw an exercise whose chain is not degenerate (:func:`conself.minipy.execution.reference_outputs`)."""
    while True:
        steps = draw_chain(lengths, rng)
        example = _example(steps, rng)
        if example is not None and behaviour(steps, rng)[1] is not None:
            break
    hint = draw_observations(steps, 1, rng)[0].text
    return Exercise(steps, _topic(steps, rng), statement(steps, rng), typed_signature(steps), example, hint)


def typed_signature(steps: Steps) -> str:
    """Write the first line of the chain's function with its types, without the colon."""
    takes, gives = steps[0].primitive.signature.takes, steps[-1].primitive.signature.gives
    return f"def f({takes}: {_TYPES[takes]}) -> {_TYPES[gives]}"


def _topic(steps: Steps, rng: random.Random) -> str:
    if rng.random() < TYPE_TOPIC_SHARE:
        return TYPE_TOPICS[steps[0].primitive.signature.takes]
    return rng.choice(steps).primitive.name.replace("_", " ")


def _example(steps: Steps, rng: random.Random) -> str | None:
    ks = [step.k for step in steps if step.k is not None]
    value = draw_input("ordinary", steps[0].primitive.signature.takes, ks, rng)
    output = apply_steps(steps, value)
    return None if output is None else f"f({value!r}) == {output!r}"
