"""How well scores that read texts alone tell right programs from wrong ones, beside agreement and the confidence.

``python -m experiments.confidence.scorers pools=NAME:RUN,NAME:RUN,... [problems=100] [out=DIR]`` with the pools of
:mod:`experiments.confidence`. The scores are those of uqlm 0.6.7 that ask no second model, by its definitions:
``sequence_probability`` is exp of a program's mean log-prob per token, ``code_bleu`` the mean CodeBLEU of a program
with each other sample of its problem (codebleu, extra ``[bench]``). Writes scorers.json and scorers.md.
"""

import json
import logging
import math
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hydra.utils import instantiate

from conself.rankings.consensus import consensus_scores
from conself.runtime.console import new_console
from conself.runtime.places import make_folder
from conself.runtime.progress import working
from conself.statistics.confidence import Confidence
from experiments.confidence.__main__ import left_out, read
from experiments.confidence.figures import aurocs
from experiments.metric_pools.figures import RESAMPLES, interval
from experiments.metric_pools.judged import Judged
from experiments.metric_pools.run import configured, plain

HERE = Path(__file__).parent
SEED = 0
USAGE = "usage: python -m experiments.confidence.scorers pools=NAME:RUN,NAME:RUN,... [problems=N] [out=DIR]"
Similarity = Callable[[str, str], float]
"""(reference, candidate) -> how alike two programs are."""


def code_bleu() -> Similarity:
    """CodeBLEU with its own four equal weights.

    Raises:
        ImportError: codebleu is not installed.
    """
    from codebleu import calc_codebleu

    @cache
    def similarity(reference: str, candidate: str) -> float:
        return float(calc_codebleu([reference], [candidate], lang="python")["codebleu"])

    return similarity


def likelihoods(problem: Judged) -> list[float] | None:
    """Each program's ``sequence_probability``; None where a log-prob is missing."""
    nlls = [candidate.mean_nll for candidate in problem.pool.candidates]
    return [math.exp(-nll) for nll in nlls if nll is not None] if None not in nlls else None


def similarities(problem: Judged, similarity: Similarity) -> list[float]:
    """Each program's mean similarity with the other samples that hold one; 0 where there is no program, or no other."""
    codes = [candidate.code for candidate in problem.pool.candidates]
    found = []
    for place, code in enumerate(codes):
        others = [other for index, other in enumerate(codes) if index != place and other]
        found.append(sum(similarity(code, other) for other in others) / len(others) if code and others else 0.0)
    return found


def compared(problems: Sequence[Judged], part: Confidence, similarity: Similarity) -> dict[str, Any]:
    """AUROC of each score over all programs, and how far the confidence is ahead; 95 % intervals over problems."""
    right = [list(problem.passed) for problem in problems]
    scores: dict[str, list[list[float]]] = {
        "confidence": [part(problem.pool, problem.agreed) for problem in problems],
        "R": [consensus_scores(problem.agreed.keys) for problem in problems],
        "code_bleu": [similarities(problem, similarity) for problem in problems],
    }
    known = [likelihoods(problem) for problem in problems]
    if all(row is not None for row in known):
        scores["sequence_probability"] = [row for row in known if row is not None]
    n = len(problems)
    draws = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=RESAMPLES)
    weights = np.vstack([np.ones(n), draws])
    found = {name: aurocs(rows, right, weights) for name, rows in scores.items()}
    return {
        "problems": n,
        "auroc": {name: interval(rows) for name, rows in found.items()},
        "ahead": {name: interval(found["confidence"] - rows) for name, rows in found.items() if name != "confidence"},
    }


def markdown(found: dict[str, Any]) -> str:
    """A line per pool: the confidence's AUROC, then each other score's and by how much the confidence is ahead."""
    names = ("R", "sequence_probability", "code_bleu")
    lines = [_row("pool", "problems", "confidence", *names), _row(*["---"] * (3 + len(names)))]
    for pool, row in found.items():
        lines.append(
            _row(
                pool,
                str(row["problems"]),
                f"{row['auroc']['confidence'][0]:.3f}",
                *(_cell(row, name) for name in names),
            )
        )
    return "\n".join([*lines, ""])


def _cell(row: dict[str, Any], name: str) -> str:
    if name not in row["auroc"]:
        return "-"
    point, low, high = row["ahead"][name]
    text = f"{point:+.3f} ({low:+.3f} ... {high:+.3f})"
    return f"{row['auroc'][name][0]:.3f}, " + (f"**{text}**" if low > 0 or high < 0 else text)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main(words: list[str]) -> None:
    """Work out, write and print the table.

    Raises:
        SystemExit: the words are not those of the usage, codebleu is missing, or a folder cannot be read or made.
    """
    given = dict(word.split("=", 1) for word in words if "=" in word)
    logging.disable(logging.WARNING)  # codebleu warns of each program without data flow
    named = [item.partition(":")[::2] for item in given.get("pools", "").split(",")]
    if not {"pools"} <= given.keys() <= {"pools", "problems", "out"} or not all(map(all, named)):
        raise SystemExit(USAGE)
    try:
        out, similarity = make_folder(Path(given.get("out", HERE)), "out"), code_bleu()
        comparison = instantiate(configured().comparison)
        with working(new_console(stderr=True), "scorers"):
            pools = {Path(run).name: read(Path(run), comparison) for _, run in named}
            sources = {Path(run).name: name for name, run in named}
            parts = {name: left_out(pools, sources, name)[0] for name in pools}
            first = {name: versions["own"][: int(given.get("problems", 100))] for name, versions in pools.items()}
            found = {name: compared(first[name], parts[name], similarity) for name in pools}
    except ImportError:
        raise SystemExit("error: this needs codebleu; pip install -c constraints.txt -e '.[bench]'") from None
    except (OSError, ValueError) as error:
        raise SystemExit(f"error: {error}") from None
    (out / "scorers.json").write_text(json.dumps(plain(found), indent=1) + "\n")
    (out / "scorers.md").write_text(markdown(found))
    print(markdown(found))


if __name__ == "__main__":
    main(sys.argv[1:])
