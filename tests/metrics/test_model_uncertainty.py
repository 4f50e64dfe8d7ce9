from collections.abc import Callable
from typing import Any

import pytest

from conself.metrics.nll import NLL
from conself.metrics.token_entropy import TokenEntropy
from conself.records import Pool, Undefined

CASES = [(NLL(), "mean_nll", "log-probabilities"), (TokenEntropy(), "mean_token_entropy", "token entropies")]


@pytest.mark.parametrize(("metric", "field", "_"), CASES)
def test_every_candidate_weighs_the_same(
    make_pool: Callable[..., Pool], score: Callable[..., Any], metric: NLL | TokenEntropy, field: str, _: str
) -> None:
    # a candidate of 100 tokens counts as one of 1 token, a crashed one as a live one: (0.2 + 0.4 + 0.9) / 3
    pool = make_pool(["a", "b", "."], **{field: [0.2, 0.4, 0.9]}, n_tokens=[1, 100, 1])
    assert score(metric, pool) == pytest.approx(0.5, abs=1e-15)


@pytest.mark.parametrize(("metric", "field", "what"), CASES)
def test_black_box_candidates_leave_it_undefined(
    make_pool: Callable[..., Pool], score: Callable[..., Any], metric: NLL | TokenEntropy, field: str, what: str
) -> None:
    expected = Undefined(f"candidates without {what}")
    assert score(metric, make_pool(["a", "b"], **{field: [0.2, None]})) == expected
    assert score(metric, []) == expected
