"""The source's analyses (arXiv 2512.17385) of a judged pool: what tells right programs from wrong ones."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, pairwise
from math import exp, log
from statistics import fmean, median
from typing import Any

from conself.datasets.decontamination import words
from conself.statistics.prediction import auc
from experiments.metric_pools.judged import Judged

PERPLEXITIES = (1.02, 1.05, 1.1, 1.2, 1.5, float("inf"))
"""Upper bounds of the groups of programs; the source has a success of over .8 below 1.05."""


def lexical_diversity(statements: Sequence[str]) -> dict[str, float]:
    """Compute the mean number of words, and distinct-1 and -2: the shares of different words, and pairs of words."""
    texts = [words(text).split() for text in statements]
    return {
        "problems": len(texts),
        "words": fmean(map(len, texts)),
        "distinct-1": _distinct(word for text in texts for word in text),
        "distinct-2": _distinct(pair for text in texts for pair in pairwise(text)),
    }


def _distinct(items: Iterable[object]) -> float:
    counts = Counter(items)
    return len(counts) / max(counts.total(), 1)


def by_perplexity(pools: Sequence[Judged]) -> dict[str, Any]:
    """Compute the share of right programs by perplexity, exp of the mean NLL.

    ``auc`` is the chance that a right program is more likely than a wrong one, over all problems.
    """
    drawn = [
        (exp(candidate.mean_nll), passed)
        for pool in pools
        for candidate, passed in zip(pool.pool.candidates, pool.passed, strict=True)
        if candidate.mean_nll is not None
    ]
    groups: defaultdict[float, list[bool]] = defaultdict(list)
    for perplexity, passed in drawn:
        groups[next(bound for bound in PERPLEXITIES if perplexity < bound)].append(passed)
    return {
        "mean": fmean(perplexity for perplexity, _ in drawn),
        "auc": auc([perplexity for perplexity, _ in drawn], [passed for _, passed in drawn]),
        "right below": {str(bound): _share(groups[bound]) for bound in PERPLEXITIES if groups[bound]},
    }


def by_cluster_size(pools: Sequence[Judged]) -> dict[str, Any]:
    """Compute the share of problems whose largest cluster is right, by that cluster's share of the candidates."""
    groups: defaultdict[str, list[bool]] = defaultdict(list)
    for pool in pools:
        if pool.agreed.clusters:
            cluster = pool.agreed.clusters[0]
            groups[_quarter(len(cluster) / len(pool.passed))].append(pool.passed[cluster[0]])
    return {name: _share(groups[name]) for name in sorted(groups)}


def _quarter(share: float) -> str:
    number = min(int(share * 4), 3)
    return f"[{number / 4:.2f}, {(number + 1) / 4:.2f}{']' if number == 3 else ')'}"


def theorem(pools: Sequence[Judged]) -> dict[str, Any]:
    """Set Theorem 2.4's bound on the number of inputs beside what is observed.

    p is the chance that two wrong programs of a problem agree on an input. The theorem asks for at least
    log(n / k) / -log p inputs, where k of n programs are right (no number is enough if p is 1, any if it is 0), and
    supposes that wrong programs agree independently on each input; ``agree on all`` is how often they do,
    ``independently`` how often they would: p to the power of the number of inputs. ``foretold`` compares: whether there
    are enough inputs, and whether the largest cluster is right.
    """
    chances, whole, apart, enough = [], [], [], []
    foretold: dict[str, list[bool]] = {"enough": [], "too few": []}
    for pool in pools:
        wrong = [key for key, passed in zip(pool.agreed.keys, pool.passed, strict=True) if not passed]
        pairs = list(combinations(wrong, 2))
        if not pairs:
            continue
        inputs = len(wrong[0])
        p = fmean(fmean(map(_alike, *pair)) for pair in pairs)
        chances.append(p)
        whole.append(fmean(all(map(_alike, *pair)) for pair in pairs))
        apart.append(p**inputs)
        if k := sum(pool.passed):
            met = p == 0 or (p < 1 and log(len(pool.passed) / k) / -log(p) <= inputs)
            enough.append(met)
            foretold["enough" if met else "too few"].append(pool.passed[pool.agreed.clusters[0][0]])
    return {
        "problems": len(chances),
        "p": {"mean": fmean(chances), "median": median(chances)},
        "agree on all": fmean(whole),
        "independently": fmean(apart),
        "enough inputs": _share(enough),
        "foretold": {name: _share(verdicts) for name, verdicts in foretold.items()},
    }


def _alike(a: str | None, b: str | None) -> bool:
    return a is not None and a == b


def _share(verdicts: Sequence[bool]) -> dict[str, float]:
    return {"n": len(verdicts), "share": sum(verdicts) / max(len(verdicts), 1)}


def topics(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Count asks and kept problems by category, and the different topics among them."""
    asks = Counter(str(row["category"]) for row in rows)
    kept = Counter(str(row["category"]) for row in rows if row["reason"] is None)
    return {
        "by category": {name: {"asks": n, "kept": kept[name]} for name, n in sorted(asks.items())},
        "topics": len({row["topic"] for row in rows}),
        "topics kept": len({row["topic"] for row in rows if row["reason"] is None}),
    }
