"""Token ids and batching."""

from collections import Counter
from dataclasses import replace
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers.processors import TemplateProcessing
from training_world import END, text_pair, token_pairs, toy_pairs, word_tokenizer, words
from transformers import PreTrainedTokenizerFast

from conself.training.data import PairData, encode, global_batches


def test_prompt_then_response_then_end_of_turn(tokenizer: PreTrainedTokenizerFast) -> None:
    encoded, dropped = encode([text_pair(1, 2, words(20, 21), words(30))], tokenizer, max_length=32)
    pair = encoded[0]
    assert dropped == 0
    assert pair.chosen.prompt == (11, 5, 6)
    assert pair.chosen.tokens == (20, 21, END)
    assert pair.rejected is not None
    assert pair.rejected.tokens == (30, END)
    assert (pair.problem_id, pair.weight) == ("p1", 0.5)


def test_no_token_is_added_between_prompt_and_response() -> None:
    """A tokenizer that opens every text with a special token must not do so here."""
    tokenizer = word_tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<unk> $A", special_tokens=[("<unk>", tokenizer.unk_token_id)]
    )
    assert tokenizer("x7")["input_ids"] == [2, 7]
    encoded, _ = encode([text_pair(0, 1, words(20), None)], tokenizer, max_length=32)
    assert (encoded[0].chosen.prompt, encoded[0].chosen.tokens) == ((10, 5, 6), (20, END))


def test_a_winner_without_loser(tokenizer: PreTrainedTokenizerFast) -> None:
    encoded, _ = encode([text_pair(0, 0, words(20), None)], tokenizer, max_length=32)
    assert encoded[0].rejected is None
    assert encoded[0].responses == (encoded[0].chosen,)


@pytest.mark.parametrize(("max_length", "kept"), [(7, 2), (6, 1), (4, 0)])
def test_overlong_pairs_are_dropped_and_counted(tokenizer: PreTrainedTokenizerFast, max_length: int, kept: int) -> None:
    """Prompt 3 + response + end: the first pair needs 6, the second 7 tokens, by its loser alone."""
    pairs = [text_pair(0, 1, words(20, 21), words(30)), text_pair(1, 1, words(20), words(30, 31, 32))]
    encoded, dropped = encode(pairs, tokenizer, max_length)
    assert [pair.problem_id for pair in encoded] == ["p0", "p1"][:kept]
    assert dropped == 2 - kept


def test_an_empty_prompt_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ValueError, match="prompt of problem 'p0' has no tokens"):
        encode([replace(toy_pairs()[0], prompt="")], tokenizer, max_length=32)


shapes = st.lists(st.integers(1, 3), min_size=1, max_size=12)


@given(shapes, st.integers(1, 7), st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_every_pair_once_per_epoch_in_full_batches(
    shape: list[int], batch_size: int, seed: int, epoch: int, by_problem: bool
) -> None:
    pairs = token_pairs(shape)
    batches = global_batches(pairs, batch_size, seed, epoch, by_problem)
    assert Counter(pair.name for batch in batches for pair in batch) == Counter(pair.name for pair in pairs)
    assert {len(batch) for batch in batches[:-1]} <= {batch_size}
    assert 1 <= len(batches[-1]) <= batch_size


@given(shapes, st.integers(0, 3))
def test_problems_stay_together(shape: list[int], seed: int) -> None:
    order = [pair.problem_id for batch in global_batches(token_pairs(shape), 4, seed, 0, True) for pair in batch]
    assert len(list(groupby(order))) == len(shape)


@given(st.permutations(range(8)), st.booleans())
def test_the_order_of_problems_in_the_file_does_not_matter(order: list[int], by_problem: bool) -> None:
    pairs = token_pairs([1] * 8)
    assert global_batches([pairs[i] for i in order], 3, 0, 0, by_problem) == global_batches(pairs, 3, 0, 0, by_problem)


@pytest.mark.parametrize("by_problem", [True, False])
def test_seed_and_epoch_change_the_order(by_problem: bool) -> None:
    pairs = token_pairs([2] * 10)
    orders = {
        tuple(pair.name for batch in global_batches(pairs, 4, seed, epoch, by_problem) for pair in batch)
        for seed in (0, 1)
        for epoch in (0, 1)
    }
    assert len(orders) == 4


def test_the_loader_gives_whole_global_batches() -> None:
    pairs = token_pairs([2, 3, 1, 3])
    loader = PairData(pairs, batch_size=4, seed=5, by_problem=True).train_dataloader()
    assert list(loader) == global_batches(pairs, 4, 5, 0, True)
    assert len(loader) == 3


def test_steps_taken_before_are_not_fed_again() -> None:
    """Ten pairs are 3 batches an epoch: after 4 steps what remains of the second epoch has two."""
    pairs = token_pairs([3, 3, 3, 1])
    loader = PairData(pairs, 4, 5, by_problem=True, steps_taken=4).train_dataloader()
    assert list(loader) == global_batches(pairs, 4, 5, 1, True)[1:]
