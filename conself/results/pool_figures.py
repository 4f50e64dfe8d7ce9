"""What a pool of candidates says once it is known which are right: metrics, pairs, golden rates, rankings."""

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
"""What rankings are compared with: a candidate at random, and a perfect choice."""


def pass_table(pools: Iterable[Pool], judge: Judge, workers: int, advance: Advance = ignore) -> dict[str, list[bool]]:
    """Problem id -> one verdict per candidate, where problems have an oracle; ``advance`` is the judge's."""
    return judge([(p.problem, p.traces) for p in pools if p.problem.id in judge.oracles], workers, advance)


def metric_figures(uncertainties: Sequence[Uncertainty], passed: Mapping[str, Sequence[bool]]) -> dict[str, Plain]:
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


def pair_figures(pairs: Sequence[PreferencePair], passed: Mapping[str, Sequence[bool]]) -> dict[str, Plain]:
    """Number of pairs, golden rate, and the share of winners that are right; None where no oracle is known."""
    judged: dict[str, list[IndexPair]] = {}
    for pair in pairs:
        if pair.problem_id in passed:
            judged.setdefault(pair.problem_id, []).append((pair.chosen_index, pair.rejected_index))
    winners = [passed[problem][found[-1][0]] for problem, found in judged.items()]
    return {
        "pairs": len(pairs),
        "golden_rate": golden(judged, passed)[1],
        "winner_accuracy": sum(winners) / len(winners) if winners else None,
    }


def judged_pairs(
    pools: Iterable[tuple[Pool, Agreement]], ranking: Ranking, pairing: Pairing, passed: Mapping[str, Sequence[bool]]
) -> dict[str, list[IndexPair]]:
    """Problem id -> winner and loser of each pair, of the problems whose oracle is known."""
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
    """Per metric, for each tau: problems in its band, their pairs, golden pairs and golden rate (Figure 7b).

    Over the problems of ``pairs``, whose oracles are known; empty where there are none.
    """
    found: dict[str, list[Plain]] = {}
    for name, rows in uncertainties.items():
        found[name] = []
        for tau in TAUS if pairs else ():
            kept = {problem: pairs[problem] for problem in EntropyBand(tau)(rows).kept if problem in pairs}
            total, (count, rate) = sum(map(len, kept.values())), golden(kept, passed)
            row = {"tau": tau, "problems": len(kept), "pairs": total, "golden": count, "golden_rate": rate}
            found[name].append(row)
    return found


def selector_figures(
    pools: Iterable[tuple[Pool, Agreement]], rankings: Mapping[str, Ranking], passed: Mapping[str, Sequence[bool]]
) -> dict[str, dict[str, Plain]]:
    """How often the winner of each ranking is right, over the problems whose oracle is known.

    ``random`` is the mean pass rate, ``any`` the share of problems with a right candidate: no ranking does better.
    ``n`` counts the problems that have what a ranking reads (log-probabilities, say): if it chooses nobody there it is
    wrong; a ranking without any such problem is left out. ``no_winner`` counts where it chooses nobody, by reason.
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
    found = {name: {"accuracy": sum(each) / len(each), "n": len(each)} for name, each in right.items() if each}
    return {name: row | ({"no_winner": dict(reasons[name])} if name in reasons else {}) for name, row in found.items()}


def check_rankings(names: Container[str]) -> None:
    """Refuse rankings that are called what figures already have.

    Raises:
        ValueError: that is so; names the key.
    """
    for name in BOUNDS:
        if name in names:
            raise ValueError(
                f"rankings.{name}: figures call a bound so that rankings are compared with; rename the key"
            )


def problem_figures(
    sources: Artifact, selection: Artifact, pairs: Artifact, driver: Sequence[Uncertainty]
) -> dict[str, Plain]:
    """How many problems there were, had a defined uncertainty, were trained on, and left for which reason.

    The first three are artifacts of the stages of these names.
    """
    read, selected, paired = sources.summary(), selection.summary(), pairs.summary()
    return {
        "total": read["total"] + sum(read["dropped"].values()),
        "eligible": sum(u.value is not None for u in driver),
        "kept": selected["kept"],
        "dropped": dict(Counter(read["dropped"]) + Counter(selected["dropped"]) + Counter(paired["dropped"])),
    }
