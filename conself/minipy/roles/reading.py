"""The grammar of statements backwards: from English to the chain of steps that it asks for."""

import re
from itertools import pairwise

from conself.minipy.compositions import JOINERS, Step, Steps
from conself.minipy.primitives import KNOWN, UNSEEN
from conself.minipy.primitives.base import fill

_STEPS = {
    fill(phrase, k): Step(primitive, k)
    for primitive in (*KNOWN, *UNSEEN)
    for k in primitive.ks or (None,)
    for phrase in primitive.paraphrases
}
_JOINER = re.compile("|".join(map(re.escape, JOINERS)))


def read(statement: str) -> Steps | None:
    """The steps that a statement asks for, or None where it is none of the world's.

    A statement of the world is one that :func:`conself.minipy.compositions.statement` can write: phrases of
    operations, joined in one of its ways, of which each takes what the one before it gives.
    """
    if not (statement[:1].isupper() and statement.endswith(".")):
        return None
    text = statement[0].lower() + statement[1:-1]
    if len(set(_JOINER.findall(text))) > 1:
        return None
    steps = [_STEPS.get(phrase) for phrase in _JOINER.split(text)]
    if None in steps:
        return None
    chain = tuple(step for step in steps if step is not None)
    fits = all(a.primitive.signature.gives is b.primitive.signature.takes for a, b in pairwise(chain))
    return chain if fits else None
