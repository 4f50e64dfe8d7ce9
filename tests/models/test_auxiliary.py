from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModel

from conself.models.auxiliary import packed, parameters
from tests.texts.second_model import write_encoder


def test_texts_of_like_length_share_a_batch_up_to_the_budget() -> None:
    # 9 alone: a second one would take 2 * 9 = 18 > 12; then 4, 4, 3 take 3 * 4 = 12; then 1, 1
    assert packed([4, 1, 9, 3, 4, 1], 12) == [[2], [0, 4, 3], [1, 5]]
    assert packed([20, 2], 12) == [[0], [1]]
    assert packed([], 12) == []


@given(st.lists(st.integers(1, 40), max_size=30), st.integers(1, 60))
def test_each_text_is_in_one_batch_and_no_batch_of_several_is_too_large(lengths: list[int], budget: int) -> None:
    batches = packed(lengths, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[i] for i in batch) <= budget


def test_parameters_are_those_that_are_loaded(tmp_path: Path) -> None:
    model = write_encoder(tmp_path)
    assert parameters(model) == sum(weight.numel() for weight in AutoModel.from_pretrained(tmp_path).parameters())
