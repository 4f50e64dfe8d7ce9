"""Read tasks back into chains, and collect the chains that the embedded world has generated."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain, pairwise

from conself.minipy import splits
from conself.minipy.compositions import Step, Steps, identity
from conself.minipy.corpus import corpus
from conself.minipy.primitives import KNOWN, UNSEEN
from conself.minipy.primitives.base import fill
from conself.minipy.roles.corpus import Asks, roles_corpus

SPLITS = {"train": 800, "validation": 600, "test": 1000}
"""The splits at their default sizes; their seed is 0."""
_JOINER = re.compile(r", then |\. Then |; ")
_STEPS = {
    fill(text, k): Step(primitive, k)
    for primitive in (*KNOWN, *UNSEEN)
    for k in primitive.ks or (None,)
    for text in primitive.paraphrases
}


def read_chain(task: str) -> Steps | None:
    """Read the steps that a task names; None if a phrase is unknown, or the types of two steps do not fit."""
    text = task.strip()
    phrases = _JOINER.split((text[:1].lower() + text[1:]).removesuffix("."))
    steps = tuple(_STEPS[phrase] for phrase in phrases if phrase in _STEPS)
    fits = all(a.primitive.signature.gives is b.primitive.signature.takes for a, b in pairwise(steps))
    return steps if len(steps) == len(phrases) and fits else None


def generated(
    asks: Asks, corpus_size: int, corpus_seed: int, roles: Mapping[str, int], coder_size: int = 120_000
) -> dict[str, set[str]]:
    """Collect the identities of all chains of the corpora, which the model has read, and of the three splits.

    The corpora are the ``coder_size`` examples of ``model=minipy``, with seed 0, and those of growing it.
    """
    coder = (example.problem.statement for example in corpus(coder_size, 0))
    read = {"corpora": _identities(chain(coder, _corpora(asks, corpus_size, corpus_seed, roles)))}
    for name, size in SPLITS.items():
        read[name] = _identities(problem.statement for problem, _ in splits.split(name, size, 0))
    return read


def _corpora(asks: Asks, size: int, seed: int, roles: Mapping[str, int]) -> Iterator[str]:
    yield from (example.problem.statement for example in corpus(size, seed))
    for example in roles_corpus(roles, asks, seed):
        match = re.search(r"^Task: (.*)", example.completion, re.MULTILINE)
        yield match[1] if match else example.messages[-1]["content"].partition("\n")[0]


def _identities(tasks: Iterator[str]) -> set[str]:
    return {identity(steps) for task in tasks if (steps := read_chain(task)) is not None}
