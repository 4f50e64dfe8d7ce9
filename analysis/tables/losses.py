"""Missing executions and verdicts, run by run: non-zero counts, with the setting that would change each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..runs import Run, by_label
from .table import Cell, Table, missing, table_of

_CAPTION = "Programs, inputs and samples that executions and verdicts lack."
_DETAILS = {"modules"}  # of a count that has its own row


def losses(runs: Sequence[Run]) -> Table:
    """Return one row per run, step and kind of loss; for records that were left out, one per reason."""
    rows = [
        (label, run.seed, run.name, *cells)
        for label, group in by_label(runs).items()
        for run in group
        for cells in _rows(run.results)
    ]
    if not rows:
        return missing("losses", _CAPTION, "no run says that it lost anything")
    heads = [
        ("run", ""),
        ("seed", "d"),
        ("folder", ""),
        ("step", ""),
        ("count", "d"),
        ("what, and what changes it", ""),
    ]
    notes = ("Programs are counted once where one or more of their inputs are concerned.",)
    return table_of("losses", _CAPTION, heads, rows, notes)


def _rows(results: Mapping[str, Any]) -> Iterator[tuple[Cell, ...]]:
    """Yield step, count and words of each loss in results.json; without ``remedies`` the name of the count."""
    remedies = results.get("remedies") or {}
    for step, counts in (results.get("losses") or {}).items():
        for kind, count in counts.items():
            if kind in _DETAILS:
                continue
            words = remedies.get(step, {}).get(kind, kind.replace("_", " "))
            if isinstance(count, Mapping):
                yield from ((step, n, f"{reason} ({words})") for reason, n in count.items())
            else:
                yield step, count, words
