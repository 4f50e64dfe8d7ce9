"""Read a statement back into its chain of steps, and write every statement of a chain."""

import re
from collections.abc import Iterator
from itertools import pairwise, product

from conself.minipy.compositions import JOINERS, Step, Steps, joined
from conself.minipy.primitives import KNOWN, UNSEEN
from conself.minipy.primitives.base import fill
from conself.records import Problem

_JOINER = re.compile("|".join(map(re.escape, JOINERS)))
_STEPS = {
    fill(text, k): Step(primitive, k)
    for primitive in (*KNOWN, *UNSEEN)
    for k in primitive.ks or (None,)
    for text in primitive.paraphrases
}


def chain_of(problem: Problem) -> Steps:
    """Return the steps of a problem that this world has generated.

    Raises:
        ValueError: its statement is no chain.
    """
    steps = read_chain(problem.statement)
    if steps is None:
        raise ValueError(f"{problem.id} is no problem of MiniPy's: no chain of steps reads {problem.statement!r}")
    return steps


def read_chain(task: str) -> Steps | None:
    """Read the steps that a task names; None if a phrase is unknown, or the types of two steps do not fit."""
    text = task.strip()
    phrases = _JOINER.split((text[:1].lower() + text[1:]).removesuffix("."))
    steps = tuple(_STEPS[phrase] for phrase in phrases if phrase in _STEPS)
    fits = all(a.primitive.signature.gives is b.primitive.signature.takes for a, b in pairwise(steps))
    return steps if len(steps) == len(phrases) and fits else None


def wordings(steps: Steps) -> Iterator[str]:
    """Yield all statements of a chain of one or more steps: each paraphrase of each step, with each joiner."""
    paraphrases = [[fill(text, step.k) for text in step.primitive.paraphrases] for step in steps]
    for phrases in product(*paraphrases):
        for joiner in JOINERS if len(steps) > 1 else JOINERS[:1]:
            yield joined(phrases, joiner)
