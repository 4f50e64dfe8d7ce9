import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conself.metrics.naive_semantic_entropy import NaiveSemanticEntropy
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class Angles:
    """Embeds the text "30" as the unit vector at 30 degrees, at twice the length to show that length is nothing."""

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        assert len(set(texts)) == len(texts), "identical texts are embedded once"
        radians = np.deg2rad([float(text) for text in texts])
        return (2 * np.stack([np.cos(radians), np.sin(radians)], axis=1)).astype(np.float32)


def entropy(make_pool: Callable[..., Pool], codes: Sequence[str | None], similarity: float) -> float | Undefined:
    return NaiveSemanticEntropy(Angles(), similarity)(make_pool(["a"] * len(codes), code=codes))


def test_alike_texts_share_a_cluster(make_pool: Callable[..., Pool]) -> None:
    # cos 10 = .985, cos 80 = .17: clusters {0, 10}, {90}, {90} -> sizes 2 and 2
    assert entropy(make_pool, ["0", "10", "90", "90"], 0.9) == pytest.approx(math.log(2))
    assert entropy(make_pool, ["0", "10", "90", "90"], 0.99) == pytest.approx(1.5 * math.log(2))


def test_linkage_is_by_the_average_weighted_by_copies(make_pool: Callable[..., Pool]) -> None:
    # {0, 20} joins first (cos 20 = .940); 50 against it: (cos 50 + cos 30) / 2 = (.643 + .866) / 2 = .754
    assert entropy(make_pool, ["0", "20", "50"], 0.75) == 0.0
    assert entropy(make_pool, ["0", "20", "50"], 0.76) > 0.0
    # with three copies at 0 the average falls to (3 * .643 + .866) / 4 = .699
    assert entropy(make_pool, ["0", "0", "0", "20", "50"], 0.75) > 0.0


def test_one_text_is_no_uncertainty(make_pool: Callable[..., Pool]) -> None:
    assert entropy(make_pool, ["5", "5", "5"], 0.9) == 0.0
    assert entropy(make_pool, ["5"], 0.9) == 0.0


def test_a_candidate_without_code_stands_by_its_text(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool(["a", "."], code=["0", None], text=["90", "90"])
    assert NaiveSemanticEntropy(Angles(), 0.9)(pool) == pytest.approx(math.log(2))


def test_without_candidates_it_is_undefined(make_pool: Callable[..., Pool]) -> None:
    assert entropy(make_pool, [], 0.9) == Undefined("no candidates")


def test_similarity_is_a_cosine() -> None:
    with pytest.raises(ValueError, match=r"cosine in \[-1, 1\], got 1.5"):
        NaiveSemanticEntropy(Angles(), 1.5)


@given(
    codes=st.lists(st.integers(0, 359).map(str), min_size=1, max_size=9).flatmap(
        lambda codes: st.tuples(st.just(codes), st.permutations(codes))
    ),
    similarity=st.floats(-1, 0.999),
)
def test_the_order_of_candidates_changes_nothing(
    make_pool: Callable[..., Pool], codes: tuple[list[str], list[str]], similarity: float
) -> None:
    one, other = (entropy(make_pool, order, similarity) for order in codes)
    assert one == other
    assert 0.0 <= one <= math.log(len(codes[0])) + 1e-12
