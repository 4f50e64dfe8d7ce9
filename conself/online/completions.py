"""Completions as a file: what a worker samples, for the process that trains."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from conself.store.artifacts import write_whole

if TYPE_CHECKING:
    from conself.engines.transformers.ledger import Completion, Request

_TABLES = ("token_ids", "token_logprobs", "token_entropies")


def write_completions(path: Path, groups: Sequence[Sequence[Completion]]) -> None:
    """Write the completions of some requests to a file, atomically, bit by bit as they are.

    Raises:
        OSError: the file cannot be written.
    """
    each = [completion for group in groups for completion in group]
    columns: dict[str, Any] = {name: np.concatenate([getattr(c, name) for c in each]) for name in _TABLES}
    columns["lengths"] = np.array([len(c.token_ids) for c in each], dtype=np.int64)
    columns["reasons"] = np.array([c.finish_reason for c in each])

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:  # savez gives a path its own suffix
            np.savez(file, **columns)

    write_whole(path, write)


def read_completions(path: Path, requests: Sequence[Request]) -> list[list[Completion]]:
    """Read the completions of these requests, one for each of their seeds.

    Raises:
        OSError: there is no such file.
        ValueError: it holds those of other requests.
    """
    from conself.engines.transformers.ledger import Completion

    with np.load(path, allow_pickle=False) as columns:
        ends = list(accumulate(columns["lengths"].tolist()))[:-1]
        tokens, logprobs, entropies = (np.split(columns[name], ends) for name in _TABLES)
        rows = zip(tokens, columns["reasons"].tolist(), logprobs, entropies, strict=True)
        each = [Completion(*row) for row in rows]
    if len(each) != sum(len(request.seeds) for request in requests):
        raise ValueError(f"{path} has completions of other requests")
    left = iter(each)
    return [[next(left) for _ in request.seeds] for request in requests]
