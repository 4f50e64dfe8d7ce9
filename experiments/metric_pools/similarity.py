"""Which cosine means alike: what an encoder says of programs that behave alike and of programs that don't.

``python -m experiments.metric_pools.similarity [pools=RUN] [problems=N] [key=value ...]`` takes the pool of a run, else
the golden one, about N of its problems, and an encoder by config: ``texts/encoder@metric.grouping.encoder=sentence``.
Pick the threshold on a pool whose problems you don't report on: by eye, between the two columns of cosines, or as the
one with the highest AUC. A threshold below nearly all cosines makes one group of everything, one above nearly all makes
entropy of distinct texts; the share of problems at either end says when that happens.
"""

import math
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from hydra.utils import instantiate
from numpy.typing import NDArray

from conself.agreement.traces import semantic_entropy
from conself.statistics.prediction import auc, correlations
from conself.texts.groupings.by_similarity import Encoder, groups_of
from experiments.metric_pools.judged import Judged, golden_pool, run_pool
from experiments.metric_pools.run import configured

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
STEPS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)


def embedded(problems: Sequence[Judged], encoder: Encoder) -> list[tuple[NDArray[np.float32], NDArray[np.intp]]]:
    """Per problem the embeddings of its distinct programs [u, d], and which of them each candidate has [K]."""
    texts = [[c.text if c.code is None else c.code for c in problem.pool.candidates] for problem in problems]
    everything = sorted({text for group in texts for text in group})
    rows = dict(zip(everything, encoder(everything), strict=True))
    found = []
    for group in texts:
        distinct, members = np.unique(np.array(group, dtype=object), return_inverse=True)
        found.append((np.stack([rows[str(text)] for text in distinct]), members))
    return found


def cosines(problems: Sequence[Judged], vectors: Sequence[tuple[NDArray[np.float32], NDArray[np.intp]]]) -> str:
    """Quantiles of the cosine between two different programs for one problem, by whether they behave alike."""
    found: dict[bool, list[float]] = {True: [], False: []}
    for problem, (rows, members) in zip(problems, vectors, strict=True):
        unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        for i, j in combinations(range(len(members)), 2):
            if members[i] != members[j]:
                alike = problem.agreed.keys[i] == problem.agreed.keys[j]
                found[alike].append(float(unit[members[i]] @ unit[members[j]]))
    head = "| pairs of different programs | n | " + " | ".join(f"{q:.0%}" for q in QUANTILES) + " |"
    lines = [head, "|" + "---|" * (len(QUANTILES) + 2)]
    for alike, name in ((True, "that behave alike"), (False, "that don't")):
        cells = " | ".join(f"{v:.3f}" for v in np.quantile(found[alike], QUANTILES))
        lines.append(f"| {name} | {len(found[alike])} | {cells} |")
    return "\n".join(lines)


def by_threshold(problems: Sequence[Judged], vectors: Sequence[tuple[NDArray[np.float32], NDArray[np.intp]]]) -> str:
    """AUC and Spearman of the entropy at each threshold, and the shares of problems with one group, and with all."""
    rates = [problem.rate for problem in problems]
    lines = ["| similarity | AUC | Spearman | one group | only equal texts |", "|---|---|---|---|---|"]
    for step in STEPS:
        entropies, one, every = [], 0, 0
        for rows, members in vectors:
            groups = groups_of(rows, members, step) if len(rows) > 1 else [1] * len(members)
            sizes = [groups.count(group) for group in set(groups)]
            entropies.append(semantic_entropy(sizes))
            one += len(sizes) == 1
            every += len(sizes) == len(rows)
        score, spearman = auc(entropies, [rate > 0 for rate in rates]), correlations(entropies, rates)["spearman"]
        cells = [math.nan if score is None else score, math.nan if spearman is None else spearman[0]]
        cells += [one / len(vectors), every / len(vectors)]
        lines.append(f"| {step} | " + " | ".join(f"{cell:.3f}" for cell in cells) + " |")
    return "\n".join(lines)


def main(words: list[str]) -> None:
    """Print both tables."""
    own = dict(word.split("=", 1) for word in words if word.split("=")[0] in ("pools", "problems"))
    choices = [word for word in words if word.split("=")[0] not in own]
    problems = run_pool(Path(own["pools"])) if "pools" in own else golden_pool()
    problems = problems[:: max(1, len(problems) // int(own.get("problems", len(problems))))]
    encoder = instantiate(configured("metric=naive_semantic_entropy", *choices).metric.grouping.encoder)
    vectors = embedded(problems, encoder)
    print(cosines(problems, vectors), by_threshold(problems, vectors), sep="\n\n")


if __name__ == "__main__":
    main(sys.argv[1:])
