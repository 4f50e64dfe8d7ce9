"""Figures of a pool of candidates with verdicts: metrics, pairs, golden rates, rankings."""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence

from conself.agreement.traces import Agreement
from conself.benchmarks.task import Advance, Judge, ignore
from conself.curricula.entropy_band import EntropyBand
from conself.pairings.build import IndexPair, Pairing, pairs_of
from conself.rankings.ranked import Ranking
from conself.records import Pool, PreferencePair, Uncertainty
from conself.sandbox.jsonlines import Plain
from conself.statistics.prediction import auc, correlations, golden
from conself.store.artifacts import Artifact

TAUS = tuple(step / 10 for step in range(1, 11))
"""Of the golden rate's curve."""
BOUNDS = ("random", "any")
"""The references for rankings: a random candidate, and a perfect choice."""


def pass_table(pools: Iterable[Pool], judge: Judge, workers: int, advance: Advance = ignore) -> dict[str, list[bool]]:
    """Judge the candidates of problems with an oracle: problem id -> verdicts; ``advance`` as in the judge."""
    return judge([(p.problem, p.traces) for p in pools if p.problem.id in judge.oracles], workers, advance)


def metric_figures(uncertainties: Sequence[Uncertainty], passed: Mapping[str, Sequence[bool]]) -> dict[str, Plain]:
    """Return n, AUC and correlations of one metric with the pass rate, over the problems that have both.

    ``undefined`` counts the problems on which the metric has no value, by reason.
    """
    valued = [(u.value, passed[u.problem_id]) for u in uncertainties if u.value is not None and u.problem_id in passed]
    values = [value for value, _ in valued]
    rates = [sum(verdicts) / len(verdicts) for _, verdicts in valued]
    undefined = Counter(u.reason for u in uncertainties if u.reason is not None)
    return {
        "n": len(valued),
        "undefined": dict(undefined),
        "auc": auc(values, [rate > 0 for rate in rates]),
        **correlations(values, rates),
    }


def pair_figures(pairs: Sequence[PreferencePair], passed: Mapping[str, Sequence[bool]]) -> dict[str, Plain]:
    """Return the number of pairs, golden rate, and the share of right winners; None without oracles."""
    judged: dict[str, list[IndexPair]] = {}
    for pair in pairs:
        if pair.problem_id in passed:
            judged.setdefault(pair.problem_id, []).append((pair.chosen_index, pair.rejected_index))
    winners = [passed[problem][own_pairs[-1][0]] for problem, own_pairs in judged.items()]
    return {
        "pairs": len(pairs),
        "golden_rate": golden(judged, passed)[1],
        "winner_accuracy": sum(winners) / len(winners) if winners else None,
    }


def judged_pairs(
    pools: Iterable[tuple[Pool, Agreement]], ranking: Ranking, pairing: Pairing, passed: Mapping[str, Sequence[bool]]
) -> dict[str, list[IndexPair]]:
    """Return winner and loser of each pair, by problem id, for problems with an oracle."""
    return {
        pool.problem.id: pairs_of(pool, agreed, ranking, pairing).pairs
        for pool, agreed in pools
        if pool.problem.id in passed
    }


def golden_by_tau(
    uncertainties: Mapping[str, Sequence[Uncertainty]],
    pairs: Mapping[str, Sequence[IndexPair]],
    passed: Mapping[str, Sequence[bool]],
) -> dict[str, list[Plain]]:
    """Return, per metric and tau: problems in the band, their pairs, golden pairs and golden rate (Figure 7b).

    Over the problems of ``pairs``, which have oracles; empty if there are none.
    """
    by_metric: dict[str, list[Plain]] = {}
    for name, rows in uncertainties.items():
        by_metric[name] = []
        for tau in TAUS if pairs else ():
            kept = {problem: pairs[problem] for problem in EntropyBand(tau)(rows).kept if problem in pairs}
            total, (count, rate) = sum(map(len, kept.values())), golden(kept, passed)
            row = {"tau": tau, "problems": len(kept), "pairs": total, "golden": count, "golden_rate": rate}
            by_metric[name].append(row)
    return by_metric


def selector_figures(
    pools: Iterable[tuple[Pool, Agreement]], rankings: Mapping[str, Ranking], passed: Mapping[str, Sequence[bool]]
) -> dict[str, dict[str, Plain]]:
    """Return how often the winner of each ranking is right, over the problems with an oracle.

    ``random`` is the mean pass rate, ``any`` the share of problems with a right candidate: no ranking does better.
    ``n`` counts the problems that a ranking applies to (with log-probabilities, for example): if it has no winner there
    it is wrong; a ranking without any such problem is left out. ``no_winner`` counts problems without a winner by
    reason.
    """
    right: dict[str, list[float]] = {name: [] for name in (*rankings, *BOUNDS)}
    reasons: dict[str, Counter[str]] = {name: Counter() for name in rankings}
    for pool, agreed in pools:
        if (verdicts := passed.get(pool.problem.id)) is None:
            continue
        for name, ranking in rankings.items():
            ranked = ranking(pool, agreed, agreed.passing)
            if ranked.applies:
                right[name].append(float(ranked.winner is not None and verdicts[ranked.winner]))
            if ranked.reason is not None:
                reasons[name][ranked.reason] += 1
        right["random"].append(sum(verdicts) / len(verdicts))
        right["any"].append(float(any(verdicts)))
    accuracies = {name: {"accuracy": sum(each) / len(each), "n": len(each)} for name, each in right.items() if each}
    return {
        name: row | ({"no_winner": dict(reasons[name])} if name in reasons else {}) for name, row in accuracies.items()
    }


def check_rankings(names: Container[str]) -> None:
    """Check that no ranking has the name of another figure.

    Raises:
        ValueError: one does; names the key.
    """
    for name in BOUNDS:
        if name in names:
            raise ValueError(
                f"rankings.{name}: figures call a bound so that rankings are compared with; rename the key"
            )


def problem_figures(
    sources: Artifact, selection: Artifact, pairs: Artifact, driver: Sequence[Uncertainty]
) -> dict[str, Plain]:
    """Count the problems: in total, with a defined uncertainty, trained on, and dropped by reason.

    The first three are artifacts of the stages of these names.
    """
    read, selected, paired = sources.summary(), selection.summary(), pairs.summary()
    return {
        "total": read["total"] + sum(read["dropped"].values()),
        "eligible": sum(u.value is not None for u in driver),
        "kept": selected["kept"],
        "dropped": dict(Counter(read["dropped"]) + Counter(selected["dropped"]) + Counter(paired["dropped"])),
    }
