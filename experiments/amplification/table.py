"""The figures of :mod:`experiments.amplification` as markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

Figures = Mapping[str, Any]
_ABOUT = ("problems", "pairs", "bounds")


def markdown(found: Figures) -> str:
    """The rule and how it was chosen; then a table for each pool, those that it was chosen on first."""
    lines = [
        f"Chosen: **{found['rule']}**.",
        "",
        *_head("rule", "winner right by consensus", "Spearman"),
        *_scores(found),
    ]
    for title, pools in (("chosen on", found["chosen_on"]), ("read once", found["read"])):
        for name, pool in pools.items():
            shown = [rule for rule in pool if rule not in _ABOUT]
            lines += ["", f"## {name} ({title})", "", *_pool(pool, shown)]
    return "\n".join([*lines, ""])


def _scores(found: Figures) -> list[str]:
    rows = sorted(found["scores"].items(), key=lambda item: [-value for value in item[1]])
    return [_row([name, *[f"{value:.3f}" for value in values]]) for name, values in rows]


def _pool(pool: Figures, shown: Sequence[str]) -> list[str]:
    bounds = ", ".join(f"{name} {value:.3f}" for name, value in pool["bounds"].items())
    lines = [f"{pool['problems']} problems; winners: {bounds}.", ""]
    lines += [*_head("rule", "inputs", "clusters", *(f"right by {name}" for name in _winners(pool, shown)))]
    for rule in shown:
        row = pool[rule]
        cells = [_both(row["winners"][name], "accuracy") for name in _winners(pool, shown)]
        lines.append(_row([rule, f"{row['inputs']:.1f}", f"{row['clusters']:.2f}", *cells]))
    lines += ["", *_head("rule", "metric", "n", "AUC", "Spearman", *_golden_heads(pool))]
    for rule in shown:
        for name, row in pool[rule]["metrics"].items():
            golden = [_share(pool[rule]["golden"][name][str(n)]) for n in pool["pairs"].values()]
            cells = [_both({**row, "ahead": row["ahead"][figure]}, figure) for figure in ("auc", "spearman")]
            lines.append(_row([rule, name, str(row["n"]), *cells, *golden]))
    return lines


def _golden_heads(pool: Figures) -> list[str]:
    return [f"golden, {n} pairs" for n in pool["pairs"].values()]


def _winners(pool: Figures, shown: Sequence[str]) -> list[str]:
    return list(pool[shown[0]]["winners"])


def _both(row: Figures, figure: str) -> str:
    """A figure, and how far it is ahead of the same on own inputs; bold where the interval is without 0."""
    _, low, high = row["ahead"]
    ahead = f"{row['ahead'][0]:+.3f} ({low:+.3f} ... {high:+.3f})"
    if row["ahead"] == [0.0, 0.0, 0.0]:
        return f"{row[figure][0]:.3f}"
    return f"{row[figure][0]:.3f}, " + (f"**{ahead}**" if low > 0 or high < 0 else ahead)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _head(*cells: str) -> list[str]:
    return [_row(cells), _row(["---"] * len(cells))]
