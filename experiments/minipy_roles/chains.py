"""The chains that the embedded world has generated."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain

from conself.minipy import splits
from conself.minipy.compositions import identity
from conself.minipy.corpus import corpus
from conself.minipy.reading import read_chain
from conself.minipy.roles.corpus import Asks, roles_corpus

SPLITS = {"train": 800, "validation": 600, "test": 1000}
"""The splits at their default sizes; their seed is 0."""


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
