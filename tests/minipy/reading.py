"""Reads a MiniPy statement back into its steps: the tests' own view of what a problem asks."""

import re

from conself.minipy.compositions import Step, Steps
from conself.minipy.primitives import KNOWN, UNSEEN
from conself.minipy.primitives.base import fill

_STEPS = {
    fill(text, k): Step(primitive, k)
    for primitive in (*KNOWN, *UNSEEN)
    for k in primitive.ks or (None,)
    for text in primitive.paraphrases
}


def read(statement: str) -> Steps:
    """The steps that a statement names; KeyError if it is not one of the world's."""
    text = statement[0].lower() + statement[1:].removesuffix(".")
    return tuple(_STEPS[phrase] for phrase in re.split(r", then |\. Then |; ", text))
