"""One problem's page as plain data: its candidates' behaviour, the candidates shown, and the outcome."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from conself.agreement.traces import Agreement
from conself.rankings.consensus import by_consensus, consensus_scores
from conself.records import Outcome, Pool, Status

from .files import as_json
from .values import cut, shown

LIMITS = (2_000, 400, 80)
"""Length limits of one value, in characters, tried in turn until a problem fits. Texts get ``TEXTS`` times as many."""
TEXTS = 8
MOST_BYTES = 250_000
"""Size limit of a problem's JSON in bytes: beyond it, the next of ``LIMITS`` is used."""
TITLE = 110
"""Characters of a statement that the index shows and searches."""


@dataclass(frozen=True)
class Choice:
    """The result of one way of selecting and pairing for a problem.

    ``reason`` is None when the problem was kept; ``normalised`` is H_norm, None where undefined; ``pairs`` holds
    (winner, loser) candidate indices, loser None for training on winners alone.
    """

    reason: str | None
    normalised: float | None
    pairs: Sequence[tuple[int, int | None]]


@dataclass(frozen=True)
class Known:
    """The data of a problem besides its pool: a value or a reason per metric, verdicts, and choices.

    ``passed`` is per candidate, None if no oracle is known. ``origins`` says how inputs were made from
    others, by their index.
    """

    metrics: Mapping[str, float | str]
    passed: Sequence[bool] | None
    choices: Sequence[Choice]
    origins: Mapping[int, str] = field(default_factory=dict)


def problem_page(pool: Pool, agreed: Agreement, known: Known) -> bytes:
    """Return the problem's page as JSON, at most about ``MOST_BYTES``: texts too long for that are cut."""
    for limit in LIMITS:
        page = as_json(_page(pool, agreed, known, limit))
        if len(page) <= MOST_BYTES:
            break
    return page


def index_row(pool: Pool, agreed: Agreement, known: Known) -> dict[str, Any]:
    """Return the problem's row in the index: the fields to search, sort and filter by."""
    passed, winner = known.passed, _winner(agreed)
    words = " ".join(pool.problem.statement[: 4 * TITLE].split())
    return {
        "id": pool.problem.id,
        "title": words[:TITLE] + ("…" if len(words) > TITLE else ""),
        "difficulty": pool.problem.difficulty,
        "clusters": len(agreed.clusters),
        "alive": agreed.n_alive,
        "right": None if passed is None or winner is None else int(passed[winner]),
        "rate": None if passed is None else round(sum(passed) / max(len(passed), 1), 4),
        "metrics": [_number(value) for value in known.metrics.values()],
        "kept": [choice.reason for choice in known.choices],
        "pairs": [len(choice.pairs) for choice in known.choices],
    }


def _page(pool: Pool, agreed: Agreement, known: Known, limit: int) -> dict[str, Any]:
    problem = pool.problem
    values: dict[Outcome, int] = {}
    winner = _winner(agreed)
    columns = [_column(pool, members, winner, limit, values) for members in _groups(agreed)]
    for column, groups in zip(columns, _row_groups(agreed, columns), strict=True):
        column["groups"] = groups
    is_stdout = problem.entry_point is None
    return {
        "id": problem.id,
        "statement": cut(problem.statement, limit * TEXTS),
        "starter": cut(problem.starter_code, limit * TEXTS),
        "entry": problem.entry_point,
        "source": problem.source,
        "difficulty": problem.difficulty,
        "inputs": [cut(text, limit) for text in problem.inputs],
        "origins": {str(index): how for index, how in known.origins.items()},
        "metrics": list(known.metrics.values()),
        "columns": columns,
        "values": [_value(outcome, is_stdout, limit) for outcome in values],
        "scores": [round(score, 6) for score in consensus_scores(agreed.keys)],
        "passed": None if known.passed is None else [int(right) for right in known.passed],
        "winner": winner,
        "choices": [
            {"reason": c.reason, "normalised": c.normalised, "pairs": [list(pair) for pair in c.pairs]}
            for c in known.choices
        ],
    }


def _winner(agreed: Agreement) -> int | None:
    """Return the winner of the consensus; None if every candidate crashed."""
    return by_consensus(agreed).winner if agreed.n_alive else None


def _groups(agreed: Agreement) -> list[tuple[int, ...]]:
    """Return the clusters, followed by the crashed candidates as one group, if there are any."""
    gone = tuple(index for index, is_crashed in enumerate(agreed.crashed) if is_crashed)
    return [*agreed.clusters, gone] if gone else list(agreed.clusters)


def _column(
    pool: Pool, members: Sequence[int], winner: int | None, limit: int, values: dict[Outcome, int]
) -> dict[str, Any]:
    """Return a group of candidates and its representative: the winner if it is here, else the first."""
    chosen = winner if winner is not None and winner in members else members[0]
    candidate, outcomes = pool.candidates[chosen], pool.traces[chosen].outcomes
    ends = Counter(_end(pool.traces[i].outcomes) for i in members)
    program = candidate.text if candidate.code is None else candidate.code
    return {
        "members": list(members),
        "shown": chosen,
        "code": cut(program, limit * TEXTS),
        "is_text": candidate.code is None,
        "observation": None if candidate.observation is None else cut(candidate.observation, limit),
        "nll": _number(candidate.mean_nll),
        "ends": [[what, n] for what, n in ends.most_common() if what],
        "cells": [values.setdefault(outcome, len(values)) for outcome in outcomes],
    }


def _end(outcomes: Sequence[Outcome]) -> str:
    """Return how the first unsuccessful execution ended; "" if all succeeded."""
    bad = next((outcome for outcome in outcomes if outcome.status is not Status.OK), None)
    return "" if bad is None else _status(bad)


def _status(outcome: Outcome) -> str:
    name = outcome.status.value.replace("_", " ")
    named = outcome.status in (Status.EXCEPTION, Status.COMPILE_ERROR) and outcome.value
    return outcome.value if named else name


def _value(outcome: Outcome, is_stdout: bool, limit: int) -> list[Any]:
    """Return ``[shown text]``, or ``[what happened, status]`` for anything but OK."""
    if outcome.status is Status.OK:
        return [cut(shown(outcome.value, is_stdout), limit)]
    return [cut(_status(outcome), limit), outcome.status.value]


def _row_groups(agreed: Agreement, columns: Sequence[Mapping[str, Any]]) -> list[list[int]]:
    """Return the output's index per column and input: 0 the most common output, then 1, 2, ...; -1 for a crash."""
    found: list[list[int]] = [[] for _ in columns]
    for cells in zip(*agreed.keys, strict=True):
        counts = Counter(cell for cell in cells if cell is not None)
        order = {cell: place for place, (cell, _) in enumerate(counts.most_common())}
        for groups, column in zip(found, columns, strict=True):
            cell = cells[column["shown"]]
            groups.append(-1 if cell is None else order[cell])
    return found


def _number(value: float | str | None) -> float | None:
    """Round to five significant digits, enough to read and to sort by; None for a reason."""
    return float(f"{value:.5g}") if isinstance(value, float | int) else None
