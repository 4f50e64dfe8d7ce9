"""The figures at the top of the report: the change of pass@1 per method, and the few numbers of a title slide."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..measures import golden_rate
from ..measures import pairs as all_pairs
from ..pools import grouped, metric_names, pools_of
from ..runs import Run, by_label
from ..spread import Spread, flat, spread
from ..tables.table import number, show

_PAD = 0.12  # share of the scale's span, left free at both ends


@dataclass(frozen=True)
class Change:
    """One method on one benchmark, from the base model to the tuned one, over its seeds.

    Attributes:
        label: the method.
        benchmark: its name.
        base, tuned: pass@1; a base that is the same for all runs is one evaluation, and has no spread.
        relative: relative improvement, each seed against its own base.
        pairs, golden: number of training pairs of all rounds and the share of golden ones, None where unknown.
        at: positions in percent of the scale that the benchmark's rows share: base, tuned, and each seed's tuned.
        direction: ``up``, ``down`` or ``level``.
    """

    label: str
    benchmark: str
    base: Spread | float
    tuned: Spread
    relative: Spread | None
    pairs: Spread | float | None
    golden: Spread | None
    at: tuple[float, float, tuple[float, ...]]
    direction: str


@dataclass(frozen=True)
class Card:
    """A number, its heading, and a line that explains it."""

    heading: str
    figure: str
    what: str


def changes(runs: Sequence[Run]) -> list[Change]:
    """Return one row per benchmark and method, in the order of the runs; none if nothing was evaluated twice."""
    names = dict.fromkeys(name for run in runs for name, both in _benchmarks(run).items() if _pass(both, "tuned"))
    found = []
    for name in names:
        rows = []
        for label, group in by_label(runs).items():
            both = [_benchmarks(run)[name] for run in group if name in _benchmarks(run)]
            pairs = [(_pass(each, "base"), _pass(each, "tuned")) for each in both]
            known = [(base, tuned) for base, tuned in pairs if base is not None and tuned is not None]
            if known:
                rows.append((label, group, both, known))
        scale = _scale([value for *_, known in rows for pair in known for value in pair])
        found += [_change(name, *row, scale) for row in rows]
    return found


def cards(runs: Sequence[Run], found: Sequence[Change]) -> list[Card]:
    """Return a title slide's numbers: runs, the largest improvement, the best metric, and the golden rate."""
    made = [_runs_card(runs), _best_change(found), _best_metric(runs), _golden(found)]
    return [card for card in made if card is not None]


def metric_spreads(runs: Sequence[Run], figure: str) -> dict[str, Spread]:
    """Return metric -> its ``figure`` (``auc``) over the seeds of a pool; a pool that runs share counts once.

    Pools that differ in more than their seed, such as the model, are not seeds of one another: each has its own entry.
    """
    kinds = grouped(pools_of(runs))
    found = {}
    for kind, pools in kinds.items():
        for name in metric_names(pools):
            value = spread(pool.metrics.get(name, {}).get(figure) for pool in pools)
            if value is not None:
                found[name if len(kinds) == 1 else f"{name} ({kind})"] = value
    return found


def _change(
    benchmark: str,
    label: str,
    group: Sequence[Run],
    both: Sequence[Mapping[str, Any]],
    known: Sequence[tuple[float, float]],
    scale: Callable[[float], float],
) -> Change:
    base, tuned = spread(first for first, _ in known), spread(second for _, second in known)
    assert base is not None  # there is at least one of each
    assert tuned is not None
    step = tuned.mean - base.mean
    return Change(
        label=label,
        benchmark=benchmark,
        base=base if base.sd else base.mean,  # one evaluation shared by all runs has no spread
        tuned=tuned,
        relative=spread(each.get("relative_improvement") for each in both),
        pairs=flat(spread(all_pairs(run) for run in group)),
        golden=spread(golden_rate(run) for run in group),
        at=(scale(base.mean), scale(tuned.mean), tuple(scale(second) for _, second in known)),
        direction="level" if abs(step) < 1e-9 else "up" if step > 0 else "down",
    )


def _scale(values: Sequence[float]) -> Callable[[float], float]:
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    span = (high - low) or 1.0

    def place(value: float) -> float:
        return round(100 * (_PAD + (1 - 2 * _PAD) * (value - low) / span), 2)

    return place


def _benchmarks(run: Run) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = run.results.get("benchmarks") or {}
    return found


def _pass(both: Mapping[str, Any], which: str) -> float | None:
    value = (both.get(which) or {}).get("pass@1")
    return None if value is None else float(value)


def _runs_card(runs: Sequence[Run]) -> Card:
    labels, seeds = len(by_label(runs)), len({run.seed for run in runs})
    what = f"{labels} {'configuration' if labels == 1 else 'configurations'}"
    return Card("Runs", str(len(runs)), f"{what}, {seeds} {'seed' if seeds == 1 else 'seeds'}")


def _best(found: Sequence[Change]) -> tuple[float, Change] | None:
    """Return the largest relative improvement and its row."""
    known = [(change.relative.mean, change) for change in found if change.relative is not None]
    return max(known, key=lambda pair: pair[0], default=None)


def _best_change(found: Sequence[Change]) -> Card | None:
    best = _best(found)
    if best is None:
        return None
    value, change = best
    steps = f"{show(number(change.base), '.1%')} → {show(change.tuned.mean, '.1%')} pass@1"
    over = f", mean of {change.tuned.n}" if change.tuned.n > 1 else ""
    n = sum(each.relative is not None for each in found)
    among = f", the best of {n}" if n > 1 else ""  # the largest of many is large by chance, too
    what = f"relative, {change.label} on {change.benchmark}: {steps}{over}{among}"
    return Card("Best improvement", f"{value:+.1%}", what)


def _best_metric(runs: Sequence[Run]) -> Card | None:
    found = metric_spreads(runs, "auc")
    if not found:
        return None
    name, best = max(found.items(), key=lambda item: item[1].mean)
    what = f"{name.replace('_', ' ')}, the best of {len(found)}: solvable against unsolvable problems"
    return Card("Highest AUC", f"{best.mean:.3f}", what)


def _golden(found: Sequence[Change]) -> Card | None:
    """Return the golden rate of the most improved configuration: another's higher rate may have taught it nothing."""
    best = _best(found)
    if best is None or best[1].golden is None:
        return None
    return Card("Golden pairs", f"{best[1].golden.mean:.0%}", f"winner right and loser wrong, {best[1].label}")
