"""The results of ``conself.score`` as plain data in strict JSON: no nan, no infinity, ASCII only."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from conself.agreement.traces import Agreement
from conself.pairings.build import Paired
from conself.rankings.consensus import consensus_scores
from conself.rankings.ranked import Ranking
from conself.records import InputOrigin, Pool, Uncertainty
from conself.results import pool_figures
from conself.sandbox.jsonlines import Plain
from conself.store.artifacts import write_whole

OUTCOMES, UNCERTAINTY, SUMMARY = "outcomes.jsonl", "uncertainty.jsonl", "summary.json"
INPUTS = "inputs.jsonl"
"""Where inputs were added to the file's own: all of them, in the order of the outcomes, and where each comes from."""
Passed = Mapping[str, Sequence[bool]]


def outcome_line(pool: Pool) -> dict[str, Plain]:
    """Return each candidate's outcome on each input: ``[status, value]``, the value as canonical text."""
    rows = [[[o.status.value, o.value] for o in trace.outcomes] for trace in pool.traces]
    return {"id": pool.problem.id, "rows": rows}


def input_lines(pools: Iterable[Pool], origins: Mapping[str, Sequence[InputOrigin]]) -> Iterator[dict[str, Plain]]:
    """Yield each problem's inputs, in the order of its outcomes; an added one with its parent and operators."""
    for pool in pools:
        added = {origin.index: origin for origin in origins.get(pool.problem.id, ())}
        yield {
            "id": pool.problem.id,
            "inputs": [_input(text, added.get(j)) for j, text in enumerate(pool.problem.inputs)],
        }


def _input(text: str, origin: InputOrigin | None) -> dict[str, Plain]:
    return {"input": text} | ({} if origin is None else {"parent": origin.parent, "operators": list(origin.operators)})


def problem_line(
    pool: Pool, agreed: Agreement, paired: Paired, values: Sequence[Uncertainty], passed: Passed
) -> dict[str, Plain]:
    """Return all results of one problem; ``R`` holds the consensus scores, winner and losers are the ranking's.

    ``losers`` are the candidates ranked below the winner, worst first. ``values`` has one row per metric, whose
    ``metric`` is its label; undefined ones have a reason.
    """
    name, size, winner = pool.problem.id, len(agreed.crashed), paired.ranked.winner
    verdicts = passed.get(name)
    return {
        "id": name,
        "candidates": size,
        "metrics": {row.metric: row.value for row in values},
        "undefined": {row.metric: row.reason for row in values if row.reason is not None},
        "n_alive": agreed.n_alive,
        "crashed": list(agreed.crashed),
        "crash_rate": sum(agreed.crashed) / size,
        "clusters": [list(cluster) for cluster in agreed.clusters],
        "R": consensus_scores(agreed.keys),
        "winner": winner,
        "losers": list(paired.ranked.losers),
        "pairs": [list(pair) for pair in paired.pairs],
        "pass_rate": sum(verdicts) / len(verdicts) if verdicts else None,
        "winner_passed": verdicts[winner] if verdicts and winner is not None else None,
    }


def summary(
    agreed: Iterable[tuple[Pool, Agreement]],
    paired: Mapping[str, Paired],
    rankings: Mapping[str, Ranking],
    values: Mapping[str, Sequence[Uncertainty]],
    passed: Passed,
) -> dict[str, Plain]:
    """Return the figures of a whole pool; ``paired`` has all of its problems, by id.

    Those that need verdicts are over the problems that have them.

    ``winner_accuracy`` is the share of them whose winner is right; a problem without a winner, because all candidates
    crash, counts as wrong.
    """
    winners = {name: each_paired.ranked.winner for name, each_paired in paired.items() if name in passed}
    right = sum(passed[name][winner] for name, winner in winners.items() if winner is not None)
    pairs = {name: each_paired.pairs for name, each_paired in paired.items() if name in passed}
    return {
        "pool": {
            "problems": len(paired),
            "candidates": sum(each_paired.ranked.size for each_paired in paired.values()),
            "judged": len(passed),
            "solvable": sum(map(any, passed.values())),
        },
        "metrics": {
            name: {**_spread(rows), **pool_figures.metric_figures(rows, passed)} for name, rows in values.items()
        },
        "winner_accuracy": right / len(passed) if passed else None,
        "selectors": pool_figures.selector_figures(agreed, rankings, passed),
        "golden_by_tau": pool_figures.golden_by_tau(values, pairs, passed),
    }


def _spread(rows: Sequence[Uncertainty]) -> dict[str, Plain]:
    """Return the number of problems on which a metric is defined, and its mean, minimum and maximum."""
    values = [row.value for row in rows if row.value is not None]
    mean = math.fsum(values) / len(values) if values else None
    return {"defined": len(values), "mean": mean, "range": [min(values), max(values)] if values else None}


def strict(node: Plain) -> Plain:
    """Replace nan and infinities in plain data by null, as JSON does not have them."""
    if isinstance(node, Mapping):
        return {str(key): strict(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [strict(value) for value in node]
    return None if isinstance(node, float) and not math.isfinite(node) else node


def write_json(path: Path, value: Mapping[str, Plain]) -> None:
    """Write a JSON document, atomically."""
    text = json.dumps(strict(value), indent=1, allow_nan=False) + "\n"
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="ascii"))


def write_lines(path: Path, rows: Iterable[Mapping[str, Plain]]) -> None:
    """Write JSON lines, atomically."""

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="ascii") as file:
            file.writelines(json.dumps(strict(row), allow_nan=False) + "\n" for row in rows)

    write_whole(path, write)
