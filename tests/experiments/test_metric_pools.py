"""The experiment that compares metrics: its figures are those of the statistics module."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from conself.agreement.behaviour import Behaviour
from conself.metrics.code_semantic_entropy import CodeSemanticEntropy
from conself.metrics.partial_semantic_entropy import PartialSemanticEntropy
from conself.pairings.winner_and_losers import WinnerAndLosers
from conself.rankings.consensus import Consensus
from conself.rankings.largest_cluster import LargestCluster
from conself.rankings.likeliest import Likeliest
from conself.statistics.prediction import auc, correlations
from experiments.metric_pools import similarity
from experiments.metric_pools.figures import FIGURES, Parts, metric_figures, resampled
from experiments.metric_pools.golden import FOLDER
from experiments.metric_pools.judged import golden_pool
from experiments.metric_pools.report import markdown
from experiments.metric_pools.run import figures, main


def test_resampled_figures_are_those_of_the_resample() -> None:
    generator = np.random.default_rng(0)
    values, rates = generator.integers(0, 6, 40) / 5, generator.integers(0, 4, 40) / 3  # with ties
    weights = np.vstack([np.ones(40), generator.multinomial(40, np.full(40, 1 / 40), size=3)])
    found = resampled(-values, rates, weights)
    for row, counts in enumerate(weights.astype(int)):
        drawn, theirs = np.repeat(values, counts).tolist(), np.repeat(rates, counts).tolist()
        expected = {"auc": auc(drawn, [rate > 0 for rate in theirs])}
        expected |= {name: -pair[0] for name, pair in correlations(drawn, theirs).items() if pair is not None}
        assert {name: found[name][row] for name in FIGURES} == pytest.approx(expected, abs=1e-9)


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the golden pool is not at {FOLDER}")
def test_a_metric_is_no_better_than_itself() -> None:
    problems = golden_pool()[:40]
    row = np.array([1.0 - p.rate for p in problems])
    found = metric_figures(
        {"code_semantic_entropy": row, "other": row, "partial": np.append(row[1:], np.nan)}, problems, 0
    )
    assert (found["n"], found["of"]) == (39, 40)
    assert found["other"]["ahead"]["auc"] == [0, 0, 0]
    assert found["other"]["kendall"] == pytest.approx([1, 1, 1])


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the golden pool is not at {FOLDER}")
def test_tables_of_two_pools() -> None:
    metrics = {
        "code_semantic_entropy": CodeSemanticEntropy(3),
        "partial_semantic_entropy": PartialSemanticEntropy(Behaviour(False, None)),
    }
    by_consensus = Consensus(Behaviour(False, None))
    rankings = {"consensus": by_consensus, "largest_cluster": LargestCluster(), "likeliest": Likeliest()}
    given = Parts(metrics, rankings, by_consensus, WinnerAndLosers(max_losers=3, crashed_fill=True))
    pools = {"one, 0": golden_pool()[:60], "other, 0": golden_pool()[60:]}
    found = {name: figures(pool, given) for name, pool in pools.items()}
    lines = markdown(found).splitlines()
    assert [line for line in lines if line.startswith("## ")] == [
        "## one, 0",
        "## other, 0",
        "## Chosen on other pools",
    ]
    assert sum(line.startswith("| one, 0 |") for line in lines) == 4
    for pool in found.values():
        assert pool["selectors"]["any"]["accuracy"][0] >= pool["selectors"]["consensus"]["accuracy"][0]
        assert "likeliest" not in pool["selectors"], "no candidate has a likelihood"
        assert set(pool["golden"]) == set(metrics)


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the golden pool is not at {FOLDER}")
def test_cosines_of_an_encoder_that_finds_all_texts_unlike() -> None:
    def one_hot(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.eye(len(texts), dtype=np.float32)

    problems = golden_pool()[:20]
    vectors = similarity.embedded(problems, one_hot)
    assert similarity.cosines(problems, vectors).splitlines()[2].endswith("| 0.000 | 0.000 | 0.000 | 0.000 | 0.000 |")
    rows = similarity.by_threshold(problems, vectors).splitlines()[2:]
    assert {row.split(" | ", 1)[1] for row in rows} == {rows[0].split(" | ", 1)[1]}  # every threshold says the same
    assert all(row.endswith("| 1.000 |") for row in rows)


def test_two_pools_of_one_name_are_refused() -> None:
    with pytest.raises(SystemExit, match="folders of one name"):
        main(["pools=mbpp:runs/a/0,mbpp:runs/b/0"])
    with pytest.raises(SystemExit, match="usage"):
        main(["pools=runs/a/0"])
