"""The pre-training corpus of the checkpoint with roles: the coder's own, proposals, skeletons, and tests."""

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from conself.minipy.compositions import KNOWN_OPERATIONS, Steps, draw_steps, side, starter_code, statement
from conself.minipy.corpus import corpus
from conself.minipy.pretraining.turns import Turn, coder_turn
from conself.minipy.randomness import generator
from conself.minipy.roles.claims import PER_REPLY, write_tests
from conself.minipy.roles.inputs import MIXED, SORTS
from conself.minipy.roles.proposals import draw_defect, draw_topic, write_proposal
from conself.minipy.roles.reading import read
from conself.prompts.prompts import PromptStyle

EXAMPLE_SHARE = 0.25
"""Of the coder's and the tester's turns: their problem looks as one that was proposed, with an example."""

_ELLIPSIS_SHARE = 0.5  # of these: the starter code has a body, as Python's printer writes it


@dataclass(frozen=True)
class Asks:
    """The texts that ask for the roles.

    Args:
        propose: with ``{topic}``.
        skeleton: for the starter code of a problem, with ``{statement}`` and ``{starter_code}``.
        tests: with these and ``{sort}``, the sort of the inputs.
    """

    propose: str
    skeleton: str
    tests: str


@dataclass(frozen=True)
class Part:
    """How many turns a role has, and the shares of its chains by their number of steps."""

    size: int
    lengths: Mapping[int, float]


def role_turns(
    size: int, proposals: Part, skeletons: Part, tests: Part, seed: int, asks: Asks, prompts: PromptStyle
) -> Iterator[Turn]:
    """``size`` turns of the coder, then proposals, skeletons and tests.

    All chains are of the corpus's side of the partition. Each part is a function of ``seed`` and of its own settings; a
    shorter one is a prefix of a longer one.
    """

    def drawn(part: Part, write: Callable[[Steps, random.Random], Turn], name: str) -> Iterator[Turn]:
        rng = generator(f"minipy {name} {seed}")
        return (write(draw_chain(part.lengths, rng), rng) for _ in range(part.size))

    return chain(
        _coder(size, seed, prompts),
        drawn(proposals, partial(_proposal, asks, prompts), "proposals"),
        drawn(skeletons, partial(_skeleton, asks, prompts), "skeletons"),
        drawn(tests, partial(_tests, asks, prompts), "tests"),
    )


def draw_chain(lengths: Mapping[int, float], rng: random.Random) -> Steps:
    """Known steps of the corpus's side of the partition, as many as ``lengths`` says."""
    count = rng.choices(tuple(lengths), tuple(lengths.values()))[0]
    while True:
        steps = draw_steps(KNOWN_OPERATIONS, count, rng)
        if side(steps) == "corpus":
            return steps


def _coder(size: int, seed: int, prompts: PromptStyle) -> Iterator[Turn]:
    """The first examples of the coder's corpus; some of their problems have an example."""
    rng = generator(f"minipy examples {seed}")
    for example in corpus(size, seed):
        steps = read(example.problem.statement)
        assert steps is not None
        text, starter = _shown(steps, example.problem.statement, rng)
        problem = replace(example.problem, statement=text, starter_code=starter)
        yield coder_turn(replace(example, problem=problem), prompts)


def _shown(steps: Steps, text: str, rng: random.Random) -> tuple[str, str]:
    """Statement and starter code, as they are or as those of a proposed problem."""
    starter = starter_code(steps)
    if rng.random() >= EXAMPLE_SHARE:
        return text, starter
    text = "".join([text, *(f"\n\nExample: {example}" for example in write_tests(steps, "ordinary", 1, rng))])
    return text, f"{starter}\n    ...\n" if rng.random() < _ELLIPSIS_SHARE else starter


def _proposal(asks: Asks, prompts: PromptStyle, steps: Steps, rng: random.Random) -> Turn:
    ask = asks.propose.format(topic=draw_topic(steps, rng))
    return Turn(prompts.turns(ask), write_proposal(steps, draw_defect(rng), rng), False)


def _skeleton(asks: Asks, prompts: PromptStyle, steps: Steps, rng: random.Random) -> Turn:
    text, _ = _shown(steps, statement(steps, rng), rng)
    starter = starter_code(steps)
    return Turn(prompts.turns(asks.skeleton.format(statement=text, starter_code=starter)), starter, False)


def _tests(asks: Asks, prompts: PromptStyle, steps: Steps, rng: random.Random) -> Turn:
    """Tests of the steps or, where no input of the sort is within the limits, of others, as many."""
    sort = rng.choice((*SORTS, MIXED))
    lines = write_tests(steps, sort, PER_REPLY, rng)
    while not lines:
        steps = draw_chain({len(steps): 1.0}, rng)
        lines = write_tests(steps, sort, PER_REPLY, rng)
    text, starter = _shown(steps, statement(steps, rng), rng)
    ask = asks.tests.format(statement=text, starter_code=starter, sort=sort)
    return Turn(prompts.turns(ask), "\n".join(lines), False)
