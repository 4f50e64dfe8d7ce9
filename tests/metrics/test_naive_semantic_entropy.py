import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from conself.metrics.naive_semantic_entropy import Grouping, NaiveSemanticEntropy
from conself.records import Pool, Undefined
from conself.runtime.steps import finished
from conself.texts.groupings.by_entailment import ByEntailment
from conself.texts.groupings.by_similarity import BySimilarity


@dataclass(frozen=True)
class Angles:
    """Embeds the text "30" as the unit vector at 30 degrees, at twice the length to show that length is nothing."""

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        assert len(set(texts)) == len(texts), "identical texts are embedded once"
        radians = np.deg2rad([float(text) for text in texts])
        return (2 * np.stack([np.cos(radians), np.sin(radians)], axis=1)).astype(np.float32)


@dataclass(frozen=True)
class Matrix:
    """Says that x entails y where "xy" is among the words; counts its questions."""

    words: str
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, pairs: Sequence[tuple[str, str]]) -> list[bool]:
        self.asked.extend(pairs)
        return [premise + hypothesis in self.words.split() for premise, hypothesis in pairs]


def entropy(make_pool: Callable[..., Pool], codes: Sequence[str | None], grouping: Grouping) -> Any:
    pool = make_pool(["a"] * len(codes), code=codes)
    return NaiveSemanticEntropy(grouping)(pool, None)  # type: ignore[arg-type]  # texts only: nothing is read of it


def similar(similarity: float) -> BySimilarity:
    return BySimilarity(Angles(), similarity)


def test_alike_texts_share_a_cluster(make_pool: Callable[..., Pool]) -> None:
    # cos 10 = .985, cos 80 = .17: clusters {0, 10}, {90}, {90} -> sizes 2 and 2
    assert entropy(make_pool, ["0", "10", "90", "90"], similar(0.9)) == pytest.approx(math.log(2))
    assert entropy(make_pool, ["0", "10", "90", "90"], similar(0.99)) == pytest.approx(1.5 * math.log(2))


def test_linkage_is_by_the_average_weighted_by_copies(make_pool: Callable[..., Pool]) -> None:
    # {0, 20} joins first (cos 20 = .940); 50 against it: (cos 50 + cos 30) / 2 = (.643 + .866) / 2 = .754
    assert entropy(make_pool, ["0", "20", "50"], similar(0.75)) == 0.0
    assert entropy(make_pool, ["0", "20", "50"], similar(0.76)) > 0.0
    # with three copies at 0 the average falls to (3 * .643 + .866) / 4 = .699
    assert entropy(make_pool, ["0", "0", "0", "20", "50"], similar(0.75)) > 0.0


def test_one_text_is_no_uncertainty(make_pool: Callable[..., Pool]) -> None:
    for grouping in (similar(0.9), ByEntailment(Matrix(""))):
        assert entropy(make_pool, ["5", "5", "5"], grouping) == 0.0
        assert entropy(make_pool, ["5"], grouping) == 0.0
    assert (similar(0.9)(["5", "5"]), ByEntailment(Matrix(""))(["5", "5"])) == ([1, 1], [0, 0])


def test_a_candidate_without_code_stands_by_its_text(make_pool: Callable[..., Pool]) -> None:
    pool = make_pool(["a", "."], code=["0", None], text=["90", "90"])
    found = NaiveSemanticEntropy(similar(0.9))(pool, None)  # type: ignore[arg-type]  # nothing is read of it
    assert found == pytest.approx(math.log(2))


def test_without_candidates_it_is_undefined(make_pool: Callable[..., Pool]) -> None:
    assert entropy(make_pool, [], similar(0.9)) == Undefined("no candidates")


def test_similarity_is_a_cosine() -> None:
    with pytest.raises(ValueError, match=r"cosine in \[-1, 1\], got 1.5"):
        similar(1.5)


@given(
    codes=st.lists(st.integers(0, 359).map(str), min_size=1, max_size=9).flatmap(
        lambda codes: st.tuples(st.just(codes), st.permutations(codes))
    ),
    similarity=st.floats(-1, 0.999),
)
def test_the_order_of_candidates_changes_nothing(
    make_pool: Callable[..., Pool], codes: tuple[list[str], list[str]], similarity: float
) -> None:
    one, other = (entropy(make_pool, order, similar(similarity)) for order in codes)
    assert one == other
    assert 0.0 <= one <= math.log(len(codes[0])) + 1e-12


def test_only_entailment_both_ways_joins() -> None:
    # a <-> b; a -> c, but not back; d alone
    assert ByEntailment(Matrix("ab ba ac"))(["a", "b", "c", "d"]) == [0, 0, 1, 2]


def test_a_text_is_compared_with_the_first_member_of_a_group() -> None:
    # b <-> c and a <-> b, but not a <-> c: c opens a group of its own, though it is b's equal
    assert ByEntailment(Matrix("ab ba bc cb"))(["a", "b", "c"]) == [0, 0, 1]
    # in another order b comes first, and all are its equals
    assert ByEntailment(Matrix("ab ba bc cb"))(["b", "a", "c"]) == [0, 0, 0]
    # a text joins the first of two groups whose first members are its equals
    assert ByEntailment(Matrix("ac ca bc cb"))(["a", "b", "c"]) == [0, 1, 0]


def test_equal_texts_are_asked_about_once_and_nobody_about_itself() -> None:
    judge = Matrix("ab ba")
    assert ByEntailment(judge)(["a", "a", "c", "b", "b"]) == [0, 0, 1, 0, 0]
    assert judge.asked == [("a", "c"), ("a", "b"), ("b", "a")]  # the way back only where the way there holds


def test_the_order_of_candidates_changes_nothing_to_entailment(make_pool: Callable[..., Pool]) -> None:
    grouping = ByEntailment(Matrix("ab ba bc cb"))
    for order in (["a", "b", "c"], ["b", "a", "c"], ["c", "b", "a"]):
        assert entropy(make_pool, order, grouping) == pytest.approx(math.log(3) - 2 / 3 * math.log(2))


@given(words=st.sets(st.tuples(*[st.sampled_from("abcd")] * 2)), texts=st.lists(st.sampled_from("abcd"), max_size=9))
def test_groups_are_those_of_the_papers_loop(words: set[tuple[str, str]], texts: list[str]) -> None:
    judge = Matrix(" ".join(map("".join, words)))
    firsts: list[str] = []
    expected = []
    for text in texts:
        equals = [i for i, f in enumerate(firsts) if f == text or {(f, text), (text, f)} <= words]
        if not equals:
            firsts.append(text)
        expected.append(equals[0] if equals else len(firsts) - 1)
    by_text = dict(zip(reversed(texts), reversed(expected), strict=True))  # a text's first group is its own
    assert ByEntailment(judge)(texts) == [by_text[text] for text in texts]


@dataclass(frozen=True)
class Recorded(Angles):
    """Angles that keep what they were asked for."""

    asked: list[str] = field(default_factory=list)

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.extend(texts)
        return super().__call__(texts)


def test_many_pools_at_once_are_those_one_by_one_and_a_text_is_embedded_once() -> None:
    pools = [["0", "10", "90", "90"], ["10", "0"], ["7", "7"], [], [str(angle) for angle in range(0, 100, 2)]]
    encoder = Recorded()
    grouping = BySimilarity(encoder, 0.9)
    done = list(grouping.over(pools))
    assert finished(similar(0.9).over(pools)) == [similar(0.9)(texts) if texts else [] for texts in pools]
    assert sorted(encoder.asked) == sorted({text for texts in pools if len(set(texts)) > 1 for text in texts})
    assert sum(done) == sum(map(len, pools))
    assert len([n for n in done if n]) == 3  # the two equal ones, and 51 texts in pieces of 32


def test_progress_of_entailment_is_pool_by_pool() -> None:
    steps = ByEntailment(Matrix("ab ba")).over([["a", "b"], ["a", "c", "c"]])
    assert (next(steps), next(steps)) == (2, 3)
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert end.value.value == [[0, 0], [0, 1, 1]]
