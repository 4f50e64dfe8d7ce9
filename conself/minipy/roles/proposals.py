"""How the corpus proposes problems, and how a proposal is read: three named fields between two marks.

A proposal is

    <exercise>
    Task: Keep the even numbers, then sum the squares.
    Signature: def f(xs)
    Example: f([3,4]) == ( # [4]
    16)
    </exercise>

with a test in the tester's own form as its example (:mod:`conself.minipy.roles.claims`). Some are defective.
"""

import random
import re
from dataclasses import dataclass

from conself.minipy.compositions import Steps, starter_code, statement
from conself.minipy.primitives import KNOWN
from conself.minipy.primitives.base import Kind
from conself.minipy.roles.claims import write_tests
from conself.minipy.roles.reading import read

_BY_INPUT = {Kind.LIST: "lists", Kind.INT: "numbers", Kind.STR: "strings"}
TOPICS = (*_BY_INPUT.values(), *(primitive.name.replace("_", " ") for primitive in KNOWN))
"""What may be asked for: a type that the problem takes, or an operation that it contains."""

_GENERAL_SHARE = 0.2  # of the proposals, whose topic is a type

# Shares of the proposals; the rest has no such defect (its example is as often wrong as any test).
DEFECTS = {"garbled": 0.06, "wrong_signature": 0.05, "no_example": 0.04}

_BETWEEN = re.compile(r"<exercise>\n(.*?)\n</exercise>", re.S)
_FIELD = re.compile(r"^(Task|Signature|Example): (.*?)(?=\n(?:Task|Signature|Example): |\Z)", re.S | re.M)


@dataclass(frozen=True, slots=True)
class Proposal:
    """The fields of a proposal as they are written, each None where it is missing."""

    task: str | None
    signature: str | None
    example: str | None


def draw_topic(steps: Steps, rng: random.Random) -> str:
    """A topic that the steps answer."""
    if rng.random() < _GENERAL_SHARE:
        return _BY_INPUT[steps[0].primitive.signature.takes]
    return rng.choice(steps).primitive.name.replace("_", " ")


def on_topic(steps: Steps, topic: str) -> bool:
    """Whether the steps answer a topic."""
    names = {step.primitive.name.replace("_", " ") for step in steps}
    return topic == _BY_INPUT[steps[0].primitive.signature.takes] or topic in names


def write_proposal(steps: Steps, defect: str | None, rng: random.Random) -> str:
    """The steps as a proposal with one defect (of :data:`DEFECTS`) or none.

    Steps of which no ordinary test fits the limits have no example.
    """
    text, kind = statement(steps, rng), steps[0].primitive.signature.takes
    if defect == "garbled":
        text = _garbled(text, rng)
    if defect == "wrong_signature":
        kind = rng.choice([other for other in Kind if other is not kind])
    examples = [] if defect == "no_example" else write_tests(steps, "ordinary", 1, rng)
    lines = [f"Task: {text}", f"Signature: def f({kind})", *(f"Example: {example}" for example in examples)]
    return "\n".join(["<exercise>", *lines, "</exercise>"])


def draw_defect(rng: random.Random) -> str | None:
    """A defect or None, at the corpus's shares."""
    return rng.choices((*DEFECTS, None), (*DEFECTS.values(), 1 - sum(DEFECTS.values())))[0]


def read_proposal(reply: str) -> Proposal:
    """The fields between the first two marks of a reply; of two of one name the first counts."""
    between = _BETWEEN.search(reply)
    fields: dict[str, str] = {}
    for name, text in _FIELD.findall(between[1]) if between else ():
        fields.setdefault(name, text)
    return Proposal(fields.get("Task"), fields.get("Signature"), fields.get("Example"))


def chain_of(proposal: Proposal) -> Steps | None:
    """The chain that a valid proposal asks for.

    Valid: all three fields are there, the task is a statement of the world, and the signature is the chain's.
    """
    if proposal.task is None or proposal.signature is None or proposal.example is None:
        return None
    steps = read(proposal.task)
    return steps if steps is not None and f"{proposal.signature}:" == starter_code(steps) else None


def _garbled(text: str, rng: random.Random) -> str:
    """The statement with one or two of its words lost or doubled, so that it is none of the world's."""
    words = text.split(" ")
    while read(" ".join(words)) is not None or len(words) < 2:
        words = text.split(" ")
        for _ in range(rng.choice((1, 2))):
            index = rng.randrange(len(words))
            words[index : index + 1] = rng.choice(([], [words[index]] * 2))
    return " ".join(words)
