"""Token ids and batching."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from conself.training.data import Example, Response, deal, encode, global_batches, pair_example
from conself.training.lightning import Epochs
from tests.training.training_world import END, layouts, text_pair, token_pairs, toy_pairs, word_tokenizer, words
from tests.training.training_world import settings as chosen


def test_prompt_then_response_then_end_of_turn(tokenizer: PreTrainedTokenizerFast) -> None:
    encoded, dropped = encode([text_pair(1, 2, words(20, 21), words(30))], tokenizer, max_length=32)
    pair = encoded[0]
    assert dropped == 0
    assert pair.prompt == (11, 5, 6)
    assert pair.responses[0].tokens == (20, 21, END)
    assert pair.responses[1].tokens == (30, END)
    assert (pair.problem_id, pair.signal[0]) == ("p1", 0.5)


def test_no_token_is_added_between_prompt_and_response() -> None:
    """A tokenizer that opens every text with a special token must not do so here."""
    tokenizer = word_tokenizer()
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<unk> $A", special_tokens=[("<unk>", tokenizer.unk_token_id)]
    )
    assert tokenizer("x7")["input_ids"] == [2, 7]
    encoded, _ = encode([text_pair(0, 1, words(20), None)], tokenizer, max_length=32)
    assert (encoded[0].prompt, encoded[0].responses[0].tokens) == ((10, 5, 6), (20, END))


def test_a_winner_without_loser(tokenizer: PreTrainedTokenizerFast) -> None:
    encoded, _ = encode([text_pair(0, 0, words(20), None)], tokenizer, max_length=32)
    assert (len(encoded[0].responses), encoded[0].signal) == (1, (0.5,))


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
    loader = Epochs(pairs, chosen(batch_size=4), seed=5, steps_taken=0).train_dataloader()
    assert list(loader) == global_batches(pairs, 4, 5, 0, True)
    assert len(loader) == 3


def test_steps_taken_before_are_not_fed_again() -> None:
    """Ten pairs are 3 batches an epoch: after 4 steps what remains of the second epoch has two."""
    pairs = token_pairs([3, 3, 3, 1])
    loader = Epochs(pairs, chosen(batch_size=4), seed=5, steps_taken=4).train_dataloader()
    assert list(loader) == global_batches(pairs, 4, 5, 1, True)[1:]


@given(shapes, st.integers(0, 30), st.integers(1, 6))
def test_problems_are_dealt_whole_and_evenly(shape: list[int], seed: int, ranks: int) -> None:
    """No process has more than an even share and one problem; the same on each of them."""
    pairs = token_pairs(shape, seed)
    shares = deal(pairs, ranks)
    assert len(shares) == ranks
    assert Counter(pair.name for share in shares for pair in share) == Counter(pair.name for pair in pairs)
    owners = [{pair.problem_id for pair in share} for share in shares]
    assert sum(map(len, owners)) == len(shape)
    tokens = Counter({pair.problem_id: 0 for pair in pairs})
    for pair in pairs:
        tokens[pair.problem_id] += sum(map(len, pair.responses))
    loads = [sum(tokens[problem] for problem in owner) for owner in owners]
    assert max(loads) <= tokens.total() / ranks + max(tokens.values())
    assert deal(pairs, ranks) == shares


def test_dealt_by_hand() -> None:
    """Problems of 20, 16, 12 and 8 tokens for two: 20 + 8 and 16 + 12, each with its largest first."""

    def pair(name: str, tokens: int) -> Example:
        response = Response((3,), (4,) * (tokens // 2 - 1))
        return pair_example(name, name, response, response, 1.0)

    pairs = [pair("d", 8), pair("c", 12), pair("a", 20), pair("b", 16)]
    assert [[p.name for p in share] for share in deal(pairs, 2)] == [["a", "d"], ["b", "c"]]
    assert [len(share) for share in deal(pairs[:1], 3)] == [1, 0, 0]


@settings(deadline=None)
@given(shapes, st.integers(0, 30), st.integers(1, 4), st.integers(32, 200), st.sampled_from(sorted(layouts(0))))
def test_sums_over_any_pieces_of_any_ranks_are_the_global_mean(
    shape: list[int], seed: int, ranks: int, budget: int, layout: str
) -> None:
    """Exactly, in fractions: what each micro-batch adds up, divided by the pairs of the global batch, not its own."""
    for batch in global_batches(token_pairs(shape, seed), 5, seed, 0, by_problem=True):
        cutter = layouts(budget)[layout]
        micro_batches = [cutter.lay(piece) for share in deal(batch, ranks) for piece in cutter.cut(share)]
        parts = [sum(Fraction(pair.signal[0]) for pair in micro.examples) / len(batch) for micro in micro_batches]
        assert sum(parts) == sum(Fraction(pair.signal[0]) for pair in batch) / len(batch)
