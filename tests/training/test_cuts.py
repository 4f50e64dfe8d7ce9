"""How layouts cut pairs into pieces, and the rows that they make of them."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conself.training.data import Response, pair_example
from conself.training.layouts.padded import DistinctLayout, PairsLayout
from conself.training.layouts.shared import SharedLayout
from tests.training.training_world import layouts, response, row_of_four, token_pairs

shapes = st.lists(st.integers(1, 3), min_size=1, max_size=8)


@settings(deadline=None)
@given(shapes, st.integers(0, 50), st.integers(32, 300), st.sampled_from(sorted(layouts(0))))
def test_pieces_hold_every_pair_once_within_the_budget(shape: list[int], seed: int, budget: int, name: str) -> None:
    pairs, layout = token_pairs(shape, seed), layouts(budget)[name]
    pieces = layout.cut(pairs)
    assert Counter(pair.name for piece in pieces for pair in piece) == Counter(pair.name for pair in pairs)
    for piece in pieces:
        batch = layout.lay(piece)
        assert Counter(batch.examples) == Counter(piece)
        assert batch.inputs["input_ids"].numel() <= budget
        assert batch.n_tokens <= batch.inputs["input_ids"].numel()
        for pair, places in zip(batch.examples, batch.places.tolist(), strict=True):
            assert tuple(batch.responses[place] for place in places) == pair.responses
    assert layout.cut([]) == []


@settings(deadline=None)
@given(shapes, st.integers(0, 50))
def test_rows_are_filled_first_fit_from_the_longest_problem_on(shape: list[int], seed: int) -> None:
    pairs = token_pairs(shape, seed)
    batch = SharedLayout(10_000, None).lay(pairs)
    assert batch.branches is not None
    rows = [list(Counter(row[row >= 0].tolist()).values()) for row in batch.branches.prompt]
    width = batch.branches.prompt.shape[1]
    assert width == max(map(max, rows))
    assert all(sum(row) <= width for row in rows)
    for later, row in enumerate(rows):
        for need in row:
            for earlier in rows[:later]:
                assert width - sum(length for length in earlier if length >= need) < need


@settings(deadline=None)
@given(shapes, st.integers(0, 50))
def test_every_response_sees_its_prompt_and_itself_in_order(shape: list[int], seed: int) -> None:
    """What a scored position sees, read off the mask, is the text up to it; its position ids count from 0."""
    batch = SharedLayout(10_000, None).lay(token_pairs(shape, seed))
    assert batch.branches is not None
    prompt, branch = batch.branches.prompt, batch.branches.response
    place = 0
    for found in batch.responses:
        for i, token in enumerate(found.tokens):
            row, column = divmod(int(batch.scored[place]), prompt.shape[1])
            sees = [
                c
                for c in range(column + 1)
                if prompt[row, c] == prompt[row, column] and branch[row, c] in (0, int(branch[row, column]))
            ]
            assert batch.inputs["input_ids"][row, sees].tolist() == [*found.prompt, *found.tokens[:i]]
            assert batch.inputs["position_ids"][row, sees].tolist() == list(range(len(found.prompt) + i))
            assert batch.targets[place] == token
            place += 1
    assert place == len(batch.scored) == len(batch.targets)


def test_what_is_computed_by_hand() -> None:
    """Prompt 3, winner 3, losers 2, 3 and 4 tokens; the last token of each is no input.

    Pairs: (5 + 5) + ... tokens; distinct: 5 + 4 + 5 + 6; shared: 3 + 2 + 1 + 2 + 3.
    """
    tokens = {name: layout.lay(row_of_four()).n_tokens for name, layout in layouts(10_000).items()}
    assert tokens == {"pairs": 3 * 5 + 4 + 5 + 6, "distinct": 20, "shared": 11}
    areas = {name: layout.lay(row_of_four()).inputs["input_ids"].numel() for name, layout in layouts(10_000).items()}
    assert areas == {"pairs": 6 * 6, "distinct": 4 * 6, "shared": 11}


@pytest.mark.parametrize(("layout", "needs"), [(PairsLayout, 12), (DistinctLayout, 12), (SharedLayout, 6)])
def test_a_pair_that_cannot_fit_is_refused_with_the_remedy(layout: type, needs: int) -> None:
    """Prompt 3, winner 3, loser 2. Budgets of whole rows count the last token as well."""
    pair = pair_example("huge", "huge/0/1", response([3, 4, 5], 6, 7, 1), response([3, 4, 5], 8, 1), 1.0)
    more = {"flex_above": None} if layout is SharedLayout else {}
    assert layout(needs, **more).cut([pair, pair]) in ([[pair], [pair]], [[pair, pair]])
    with pytest.raises(ValueError, match=f"problem 'huge' takes {needs} tokens, above token_budget {needs - 1}; raise"):
        layout(needs - 1, **more).cut([pair])


def test_a_problem_above_the_budget_is_taken_apart() -> None:
    """11 tokens whole; by pairs 3 + 2 + 1, 3 + 2 + 2 and 3 + 2 + 3, of which the first two make 8."""
    pairs = row_of_four()
    assert SharedLayout(11, None).cut(pairs) == [pairs]
    assert SharedLayout(10, None).cut(pairs) == [pairs[:2], pairs[2:]]
    assert SharedLayout(8, None).cut(pairs) == [pairs[:2], pairs[2:]]


@pytest.mark.parametrize("layout", layouts(0))
def test_pairs_without_losers_are_laid_out_alone(layout: str) -> None:
    pairs = [pair_example(f"p{i}", f"p{i}", Response((3, 5 + i), (4 + i, 1)), None, 1.0) for i in range(3)]
    batch = layouts(100)[layout].lay(pairs)
    assert batch.places.tolist() == [[0], [1], [2]] or layout == "shared"
    assert [batch.responses[i] for (i,) in batch.places.tolist()] == [pair.responses[0] for pair in pairs]
    assert len(batch.responses) == 3
    assert batch.n_tokens == 9
