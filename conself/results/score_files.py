"""What ``conself.score`` works out, as plain data and in strict JSON: no nan, no infinity, nothing but ASCII."""

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
    """What each candidate did on each input: ``[status, value]``, the value in the sandbox's canonical text."""
    rows = [[[o.status.value, o.value] for o in trace.outcomes] for trace in pool.traces]
    return {"id": pool.problem.id, "rows": rows}


def input_lines(pools: Iterable[Pool], origins: Mapping[str, Sequence[InputOrigin]]) -> Iterator[dict[str, Plain]]:
    """Each problem's inputs, in the order of its outcomes; an added one says of which own one it is made, and how."""
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
    """All that is known of one problem; ``R`` are the consensus scores, winner and losers those of the ranking.

    ``losers`` are the candidates that are ranked below the winner, worst first. ``values`` has one row per metric,
    whose ``metric`` is its label; those without a value are told why.
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
    """The figures of a whole pool; ``paired`` has all of its problems, by id.

    Those that need verdicts are over the problems that have them.

    ``winner_accuracy`` is the share of them whose winner is right: where all candidates crash there is none, which is
    wrong.
    """
    winners = {name: found.ranked.winner for name, found in paired.items() if name in passed}
    right = sum(passed[name][winner] for name, winner in winners.items() if winner is not None)
    pairs = {name: found.pairs for name, found in paired.items() if name in passed}
    return {
        "pool": {
            "problems": len(paired),
            "candidates": sum(found.ranked.size for found in paired.values()),
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
    """On how many problems a metric has a value, and the mean, the least and the largest of these."""
    known = [row.value for row in rows if row.value is not None]
    mean = math.fsum(known) / len(known) if known else None
    return {"defined": len(known), "mean": mean, "range": [min(known), max(known)] if known else None}


def strict(node: Plain) -> Plain:
    """Plain data with null in the place of nan and infinities, which JSON does not have."""
    if isinstance(node, Mapping):
        return {str(key): strict(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [strict(value) for value in node]
    return None if isinstance(node, float) and not math.isfinite(node) else node


def write_json(path: Path, value: Mapping[str, Plain]) -> None:
    """Write a JSON document, whole or not at all."""
    text = json.dumps(strict(value), indent=1, allow_nan=False) + "\n"
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="ascii"))


def write_lines(path: Path, rows: Iterable[Mapping[str, Plain]]) -> None:
    """Write JSON lines, whole or not at all."""

    def write(temporary: Path) -> None:
        with temporary.open("w", encoding="ascii") as file:
            file.writelines(json.dumps(strict(row), allow_nan=False) + "\n" for row in rows)

    write_whole(path, write)
