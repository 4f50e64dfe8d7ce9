import pytest
from scipy import stats

from analysis import paper
from analysis.runs import METHODS


@pytest.mark.parametrize("backbone", paper.BACKBONES)
def test_the_printed_changes_follow_from_the_printed_averages(backbone: str) -> None:
    rows = {method: figures[paper.AVERAGE] for method, figures in paper.PASS_AT_1[backbone].items()}
    for printed, against in ((paper.RELATIVE_IMPROVEMENT, "base"), (paper.RELATIVE_DEGRADATION, "conself")):
        for method, change in printed[backbone].items():
            assert rows[method] / rows[against] - 1 == pytest.approx(change, abs=1.5e-4), method


@pytest.mark.parametrize("backbone", paper.BACKBONES)
def test_the_average_is_over_five_benchmarks_the_parts_of_livecodebench_left_out(backbone: str) -> None:
    for method, figures in paper.PASS_AT_1[backbone].items():
        mean = sum(figures[name] for name in paper.COLUMNS.values()) / 5
        # the paper's Self-DPO row of Qwen averages to 71.82 and prints 71.78
        assert mean == pytest.approx(figures[paper.AVERAGE], abs=5e-4 if method == "self_dpo" else 1.1e-4), method


def test_every_method_of_the_paper_has_a_place_in_our_order() -> None:
    assert {method for rows in paper.PASS_AT_1.values() for method in rows} <= set(METHODS)


def test_table_3_ends_with_the_figures_of_table_1() -> None:
    for backbone, row in paper.CURRICULA.items():
        assert row["code_semantic_entropy"] == paper.PASS_AT_1[backbone]["conself"][paper.AVERAGE]
        assert set(row) < set(paper.CORRELATIONS[backbone])


def test_models_of_ours_that_the_paper_has() -> None:
    assert paper.backbone_of("qwen2_5_coder_7b") == "Qwen2.5-Coder-7B"
    assert paper.backbone_of("minipy") is None


def test_the_ps_of_table_2_fit_their_coefficients() -> None:
    """Both likelihoods of a model are of the same problems, and so must give the same n by Pearson's test."""
    for backbone in ("CodeLlama-7B", "DeepSeek-Coder-6.7B"):
        sizes = []
        for metric in ("nll", "token_entropy"):
            r, p = paper.CORRELATIONS[backbone][metric][0], paper.CORRELATION_P[backbone][metric][0]
            sizes.append(stats.norm.isf(p / 2) ** 2 * (1 / r**2 - 1))
        assert sizes[0] == pytest.approx(sizes[1], rel=0.02)
    assert all(list(paper.CORRELATION_P[b]) == list(paper.CORRELATIONS[b]) for b in paper.BACKBONES)


def test_some_ps_of_table_2_are_of_another_n_than_nearly_20_000() -> None:
    """What a note under our table says: the n at which Spearman's test gives this p, of a coefficient that small."""
    r, p = (both["DeepSeek-Coder-6.7B"]["token_entropy"][1] for both in (paper.CORRELATIONS, paper.CORRELATION_P))
    assert (r, p) == (-0.014, 6e-6)
    assert (stats.norm.isf(p / 2) / r) ** 2 > 100_000
