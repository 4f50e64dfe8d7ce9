"""What a pool of candidates says once it is known which are right: metrics, pairs, golden rates, selectors."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from conself.agreement.consensus import Consensus
from conself.benchmarks.task import Advance, Judge, ignore
from conself.curricula.entropy_band import EntropyBand
from conself.pairing.build import Pairing
from conself.rankings.selectors import SELECTORS, applies
from conself.records import Pool, PreferencePair, Uncertainty
from conself.statistics.prediction import auc, correlations, golden

TAUS = tuple(step / 10 for step in range(1, 11))
"""Of the golden rate's curve."""


def pass_table(pools: Iterable[Pool], judge: Judge, workers: int, advance: Advance = ignore) -> dict[str, list[bool]]:
    """Problem id -> one verdict per candidate, where problems have an oracle; ``advance`` is the judge's."""
    return judge([(p.problem, p.traces) for p in pools if p.problem.id in judge.oracles], workers, advance)


def metric_figures(uncertainties: Sequence[Uncertainty], passed: Mapping[str, Sequence[bool]]) -> dict[str, Any]:
    """n, AUC and correlations of one metric with the pass rate, over the problems where both are known.

    ``undefined`` counts the problems on which the metric has no value, by reason.
    """
    known = [(u.value, passed[u.problem_id]) for u in uncertainties if u.value is not None and u.problem_id in passed]
    values = [value for value, _ in known]
    rates = [sum(verdicts) / len(verdicts) for _, verdicts in known]
    undefined = Counter(u.reason for u in uncertainties if u.reason is not None)
    return {
        "n": len(known),
        "undefined": dict(undefined),
        "auc": auc(values, [rate > 0 for rate in rates]),
        **correlations(values, rates),
    }


def pair_figures(pairs: Sequence[PreferencePair], passed: Mapping[str, Sequence[bool]]) -> dict[str, Any]:
    """Number of pairs, golden rate, and the share of winners that are right; None where no oracle is known."""
    judged = [pair for pair in pairs if pair.problem_id in passed]
    winners = {pair.problem_id: passed[pair.problem_id][pair.chosen_index] for pair in judged}
    return {
        "pairs": len(pairs),
        "golden_rate": golden(judged, passed)[1],
        "winner_accuracy": sum(winners.values()) / len(winners) if winners else None,
    }


def judged_pairs(
    pools: Iterable[tuple[Pool, Consensus]], pairing: Pairing, passed: Mapping[str, Sequence[bool]]
) -> dict[str, list[PreferencePair]]:
    """Problem id -> the pairs of each problem whose oracle is known, without their texts."""
    return {
        pool.problem.id: [replace(pair, chosen="", rejected=None) for pair in pairing(pool, agreed, "")]
        for pool, agreed in pools
        if pool.problem.id in passed
    }


def golden_by_tau(
    uncertainties: Mapping[str, Sequence[Uncertainty]],
    pairs: Mapping[str, Sequence[PreferencePair]],
    passed: Mapping[str, Sequence[bool]],
) -> dict[str, list[dict[str, Any]]]:
    """Per metric, for each tau: problems in its band, their pairs, golden pairs and golden rate (Figure 7b).

    Over the problems of ``pairs``, whose oracles are known; empty where there are none.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for name, rows in uncertainties.items():
        found[name] = []
        for tau in TAUS if pairs else ():
            kept = [problem for problem in EntropyBand(tau)(rows).kept if problem in pairs]
            mine = [pair for problem in kept for pair in pairs[problem]]
            count, rate = golden(mine, passed)
            row = {"tau": tau, "problems": len(kept), "pairs": len(mine), "golden": count, "golden_rate": rate}
            found[name].append(row)
    return found


def selector_figures(
    pools: Iterable[tuple[Pool, Consensus]], passed: Mapping[str, Sequence[bool]]
) -> dict[str, dict[str, Any]]:
    """How often each way to choose one candidate chooses a right one, over the problems whose oracle is known.

    ``random`` is the mean pass rate, ``any`` the share of problems with a right candidate: no selector does better.
    ``n`` counts the problems that have what a selector reads (log-probabilities, say): if it chooses none there it is
    wrong; a selector without any such problem is left out.
    """
    right: dict[str, list[float]] = {name: [] for name in (*SELECTORS, "random", "any")}
    for pool, agreed in pools:
        if (verdicts := passed.get(pool.problem.id)) is None:
            continue
        for name, select in SELECTORS.items():
            if applies(name, pool):
                index = select(pool, agreed)
                right[name].append(float(index is not None and verdicts[index]))
        right["random"].append(sum(verdicts) / len(verdicts))
        right["any"].append(float(any(verdicts)))
    return {name: {"accuracy": sum(each) / len(each), "n": len(each)} for name, each in right.items() if each}


def problem_figures(
    sources: Mapping[str, Any], selection: Mapping[str, Any], pairs: Mapping[str, Any], driver: Sequence[Uncertainty]
) -> dict[str, Any]:
    """How many problems there were, had a defined uncertainty, were trained on, and left for which reason.

    The first three are the summaries of the stages of these names.
    """
    dropped = Counter(sources["dropped"]) + Counter(selection["dropped"]) + Counter(pairs["dropped"])
    return {
        "total": sources["total"] + sum(sources["dropped"].values()),
        "eligible": sum(u.value is not None for u in driver),
        "kept": selection["kept"],
        "dropped": dict(dropped),
    }
