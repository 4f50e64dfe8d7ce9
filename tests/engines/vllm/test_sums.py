from math import exp, log

import numpy as np
import pytest

from conself.engines.vllm.sums import Sums, add_rows


def rows(*values: list[float]) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_a_token_adds_its_nll_and_the_renormalised_entropy() -> None:
    sums = Sums(2)
    # drawn with probability 1/8; the two likeliest have 1/2 and 1/4: renormalised 2/3 and 1/3
    add_rows([sums], [[7]], [rows([log(1 / 8), log(1 / 2), log(1 / 4)])])
    assert sums.token_ids == [7]
    assert sums.mean_nll == pytest.approx(log(8), rel=1e-6)
    assert sums.mean_entropy == pytest.approx(-(2 / 3) * log(2 / 3) - (1 / 3) * log(1 / 3), rel=1e-6)
    add_rows([sums], [[9]], [rows([log(1 / 2), log(1 / 2), log(1 / 2)])])
    assert sums.mean_nll == pytest.approx((log(8) + log(2)) / 2, rel=1e-6)
    assert sums.entropy == pytest.approx(-(2 / 3) * log(2 / 3) - (1 / 3) * log(1 / 3) + log(2), rel=1e-6)


def test_several_samples_several_tokens_and_other_top_ks_in_one_step() -> None:
    one, two, three = Sums(2), Sums(3), Sums(2)
    add_rows(
        [one, two, three],
        [[1], [2, 3], [4]],
        [
            rows([-1, -1, -1, -9]),  # a fourth column belongs to a sample with a wider k
            rows([-2, -1, -1, -1], [-4, -1, -1, -1]),
            rows([-3, 0, -1e30, -1e30]),
        ],
    )
    assert (one.nll, two.nll, three.nll) == pytest.approx((1, 6, 3))
    assert (one.entropy, two.entropy, three.entropy) == pytest.approx((log(2), 2 * log(3), 0))
    assert (one.token_ids, two.token_ids, three.token_ids) == ([1], [2, 3], [4])


def test_impossible_tokens_add_nothing() -> None:
    sums = Sums(3)
    add_rows([sums], [[1]], [rows([log(1 / 2), log(1 / 2), log(1 / 2), -np.inf])])
    assert sums.entropy == pytest.approx(log(2), rel=1e-6)


def test_tokens_beyond_those_taken_are_left_out() -> None:
    sums = Sums(1)
    add_rows([sums], [[5]], [rows([-1, -1], [-7, -7])])
    assert (sums.nll, sums.token_ids) == (1, [5])


def test_without_a_token_there_is_no_mean() -> None:
    assert (Sums(3).mean_nll, Sums(3).mean_entropy) == (None, None)
    add_rows([], [], [])


def test_long_sums_stay_exact() -> None:
    sums = Sums(2)
    for _ in range(10_000):
        add_rows([sums], [[0]], [rows([-0.5, log(0.5), log(0.5)])])
    assert sums.nll == 5000
    assert sums.mean_entropy == pytest.approx(-2 * 0.5 * log(0.5), rel=1e-6)
    assert exp(sums.entropy / 10_000) == pytest.approx(2, rel=1e-6)


def test_log_probs_of_tokens_are_kept_where_asked_for() -> None:
    """Two steps; a sample beside it, with another k, keeps none."""
    kept, other, plain = Sums(1, []), Sums(2), Sums(1)
    add_rows([kept, other, plain], [[5], [6], [7]], [rows([-0.25, -1]), rows([-2, -1, -1]), rows([-3, -1])])
    add_rows([plain, kept], [[8], [9, 4]], [rows([-4, -1]), rows([-0.5, -1], [-0.75, -1])])
    assert (kept.token_ids, kept.log_probs) == ([5, 9, 4], [-0.25, -0.5, -0.75])
    assert (other.log_probs, plain.log_probs) == (None, None)
