import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from conself.engines.decoding import Decoding, sample_seed
from conself.engines.transformers.draw import choose, inverse_cdf, nucleus, top_entropy


def test_inverse_cdf_by_hand() -> None:
    weights = torch.tensor([[0.2, 0.0, 0.5, 0.3]])
    uniforms = [0.0, 0.19, 0.21, 0.69, 0.71, 0.999]
    drawn = [int(inverse_cdf(weights, torch.tensor([u], dtype=torch.float64))) for u in uniforms]
    assert drawn == [0, 0, 2, 2, 3, 3]


def test_inverse_cdf_works_on_any_total() -> None:
    weights = torch.tensor([[2.0, 6.0]])
    assert int(inverse_cdf(weights, torch.tensor([0.24], dtype=torch.float64))) == 0
    assert int(inverse_cdf(weights, torch.tensor([0.26], dtype=torch.float64))) == 1


@given(
    st.lists(st.sampled_from([0.0, 0.0, 1e-9, 0.25, 1.0, 3.0]), min_size=1, max_size=40).filter(any),
    st.floats(0, 1, exclude_max=True),
)
def test_inverse_cdf_equals_the_definition(weights: list[float], uniform: float) -> None:
    drawn = int(inverse_cdf(torch.tensor([weights]), torch.tensor([uniform], dtype=torch.float64)))
    running = np.cumsum(np.array(weights, dtype=np.float32), dtype=np.float64)
    assert weights[drawn] > 0
    target = uniform * running[-1]
    assert running[drawn] >= target - 1e-12
    assert running[drawn] - weights[drawn] <= target + 1e-6


def test_nucleus_by_hand() -> None:
    probabilities = torch.tensor([[0.1, 0.4, 0.2, 0.3], [0.97, 0.01, 0.01, 0.01]])
    kept = nucleus(probabilities, 0.8) > 0
    assert kept.tolist() == [[False, True, True, True], [True, False, False, False]]
    assert (nucleus(probabilities, 0.65) > 0).tolist()[0] == [False, True, False, True]
    assert nucleus(probabilities, 1.0) is probabilities


def test_nucleus_keeps_all_ties_with_its_last_member() -> None:
    assert (nucleus(torch.tensor([[0.5, 0.25, 0.25]]), 0.7) > 0).all()


def test_nucleus_wider_than_the_first_look() -> None:
    probabilities = torch.cat([torch.full((1, 500), 0.75 / 500), torch.full((1, 500), 0.25 / 500)], dim=1)
    kept = nucleus(probabilities, 0.7) > 0
    assert kept[0, :500].all()
    assert not kept[0, 500:].any()


@given(st.lists(st.floats(0.0, 9.0), min_size=1, max_size=6), st.sampled_from([0.3, 0.8, 0.95, 0.999]))
def test_nucleus_of_rows_of_any_width_is_that_of_a_whole_sort(peaks: list[float], top_p: float) -> None:
    """Rows of a few tokens beside rows of hundreds, each against NumPy's sort of all of its tokens."""
    logits = torch.from_numpy(np.random.default_rng(len(peaks)).normal(size=(len(peaks), 1500))).float()
    probabilities = (logits * torch.tensor(peaks)[:, None]).softmax(-1)
    kept = nucleus(probabilities, top_p)
    for row, ours in zip(probabilities.numpy(), kept.numpy(), strict=True):
        ordered = np.sort(row)[::-1]
        needed = int(np.searchsorted(np.cumsum(ordered, dtype=np.float64), top_p)) + 1
        least = ordered[min(needed, len(ordered)) - 1]
        assert np.array_equal(ours, np.where(row >= least, row, 0))


def test_entropy_by_hand() -> None:
    log_probs = torch.tensor([[0.4, 0.4, 0.1, 0.1]]).log()
    assert top_entropy(log_probs, 2).item() == pytest.approx(math.log(2))
    assert top_entropy(log_probs, 4).item() == pytest.approx(-0.8 * math.log(0.4) - 0.2 * math.log(0.1))
    assert top_entropy(log_probs, 15).item() == pytest.approx(-0.8 * math.log(0.4) - 0.2 * math.log(0.1))
    assert top_entropy(log_probs, 1).item() == 0.0


@pytest.mark.parametrize("temperature", [1.0, 0.5, 2.0])
def test_draws_follow_the_tempered_softmax(temperature: float) -> None:
    logits = torch.tensor([0.0, 1.0, 2.0, -1.0, 0.5])
    settings = Decoding(temperature, 1.0, 1, 15)
    uniforms = torch.from_numpy(np.random.default_rng(7).random(20_000))
    tokens, logprobs, _ = choose(logits.expand(len(uniforms), -1), uniforms, settings)
    expected = (logits / temperature).softmax(-1).double().numpy()
    counts = np.bincount(tokens.numpy(), minlength=5)
    assert chisquare(counts, expected / expected.sum() * len(uniforms)).pvalue > 1e-3
    # The log-probabilities are the model's own, whatever the temperature.
    assert torch.allclose(logprobs, logits.log_softmax(-1)[tokens])


def test_greedy_takes_the_likeliest() -> None:
    tokens, _, _ = choose(torch.tensor([[0.0, 3.0, 1.0]]), torch.zeros(1).double(), Decoding(0.0, 1.0, 1, 15))
    assert tokens.tolist() == [1]


def test_sample_seeds_are_fixed_and_distinct() -> None:
    assert sample_seed(0, "sample", "p", 1) == sample_seed(0, "sample", "p", 1)
    seeds = {sample_seed(s, w, p, i) for s in (0, 1) for w in ("sample", "observe") for p in "pq" for i in (0, 1)}
    assert len(seeds) == 16
    assert all(0 <= seed < 2**64 for seed in seeds)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ((-0.1, 1.0, 1, 15), "temperature"),
        ((math.nan, 1.0, 1, 15), "temperature"),
        ((1.0, 0.0, 1, 15), "top_p"),
        ((1.0, 1.1, 1, 15), "top_p"),
        ((1.0, 1.0, 0, 15), "max_new_tokens"),
        ((1.0, 1.0, 1, 0), "entropy_top_k"),
    ],
)
def test_settings_out_of_range_are_named(values: tuple[float, float, int, int], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Decoding(*values)
