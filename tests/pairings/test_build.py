"""Pairs of a curriculum: direct prompts, counted reasons, seeded caps."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from conself.agreement.behaviour import Behaviour
from conself.agreement.traces import Agreement
from conself.pairings.build import NothingToLearnError, build_pairs, capped, ordered
from conself.pairings.winner_and_losers import WinnerAndLosers
from conself.pairings.winner_only import WinnerOnly
from conself.rankings.consensus import Consensus
from conself.rankings.first import First
from conself.records import Pool, PreferencePair

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

MakeCase = Callable[..., tuple[Pool, Agreement]]
PROMPTS = Path(__file__).parents[2] / "conf" / "prompts" / "default.yaml"
CONSENSUS = Consensus(Behaviour(False, None))
THREE = WinnerAndLosers(max_losers=3, crashed_fill=False)


def pair(problem: str, loser: int = 1) -> PreferencePair:
    return PreferencePair(problem, "q", "yes", "no", 0, loser, 0.9)


def test_no_cap_keeps_all_in_order() -> None:
    pairs = [pair("b"), pair("a")]
    assert capped(pairs, None, seed=0, ranked=False) == pairs


@given(st.integers(1, 40), st.integers(0, 3), st.permutations([f"p{i}" for i in range(10)]))
def test_cap_takes_whole_problems_whatever_the_order(count: int, seed: int, order: list[str]) -> None:
    pairs = [pair(problem, loser) for problem in order for loser in (1, 2, 3)]
    found = capped(pairs, count, seed, ranked=False)
    assert len(found) == min(count, 30)
    complete = {p.problem_id for p in found if sum(q.problem_id == p.problem_id for q in found) == 3}
    assert len({p.problem_id for p in found} - complete) <= 1
    by_name = [pair(problem, loser) for problem in sorted(order) for loser in (1, 2, 3)]
    assert {p.problem_id for p in capped(by_name, count, seed, ranked=False)} == {p.problem_id for p in found}


def test_another_seed_draws_other_problems() -> None:
    pairs = [pair(f"p{i}") for i in range(50)]
    assert capped(pairs, 10, 0, ranked=False) != capped(pairs, 10, 1, ranked=False)


def test_a_cap_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="max_pairs must be an int of at least 1, or null for all, got 0"):
        capped([pair("a")], 0, 0, ranked=False)


def test_ranked_pairs_are_cut_where_the_ranking_is() -> None:
    pairs = [pair("c", 1), pair("c", 2), pair("a", 1), pair("a", 2), pair("b", 1)]
    assert capped(pairs, 3, seed=0, ranked=True) == pairs[:3]
    assert capped(pairs, 9, seed=0, ranked=True) == pairs


def test_a_ranking_orders_the_pairs_and_other_selections_do_not() -> None:
    pairs = [pair("a", 1), pair("a", 2), pair("c", 1), pair("d", 1)]
    assert ordered(pairs, ("d", "a", "c"), ranked=True) == [pairs[3], pairs[0], pairs[1], pairs[2]]
    assert ordered(pairs, ("d", "a", "c"), ranked=False) == pairs


@pytest.fixture(scope="module")
def tokenizer() -> "PreTrainedTokenizerFast":
    """One whose chat is the turns' texts, end to end."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    made: Any = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel({"?": 0}, unk_token="?")))
    made.chat_template = "{% for m in messages %}<{{ m.content }}>{% endfor %}"
    return made  # type: ignore[no-any-return]


def test_a_pair_trains_on_texts_and_carries_the_winners_weight(
    make_case: MakeCase, tokenizer: "PreTrainedTokenizerFast"
) -> None:
    # V_1 = {a, a, a}, V_2 = {b, b, c}: R_1 = R_2 = (1 + 2/3) / 2 = 5/6, R_0 = (1 + 1/3) / 2 = 2/3
    cases = [make_case([".."]), make_case(["ac", "ab", "ab"]), make_case(["..", "ab"]), make_case(["ab", "ab"])]
    prompts = instantiate(OmegaConf.load(PROMPTS))
    [found], dropped = build_pairs(cases, CONSENSUS, THREE, prompts, tokenizer)
    assert found == PreferencePair("p", found.prompt, "text 1", "text 0", 1, 0, pytest.approx(5 / 6))
    assert found.prompt.startswith("<")
    assert dropped == {
        "every candidate crashed": 1,
        "only crashed candidates score below the winner": 1,
        "no candidate scores below the winner": 1,
    }
    [target], _ = build_pairs(cases[1:2], First(), WinnerOnly(), prompts, tokenizer)
    assert target == PreferencePair("p", found.prompt, "text 0", None, 0, None, None)


def test_without_a_pair_the_reasons_are_counted(make_case: MakeCase, tokenizer: "PreTrainedTokenizerFast") -> None:
    cases = [make_case(["a", "a"]), make_case([".", "."]), make_case(["."])]
    with pytest.raises(NothingToLearnError, match=r"none of the 3 kept .*1: no candidate scores.*2: every candidate"):
        build_pairs(cases, CONSENSUS, THREE, instantiate(OmegaConf.load(PROMPTS)), tokenizer)


def test_an_empty_answer_is_no_target(make_case: MakeCase, tokenizer: "PreTrainedTokenizerFast") -> None:
    pool, agreement = make_case(["ab", "ab"])
    empty = replace(pool, candidates=[replace(pool.candidates[0], text="", code=None), pool.candidates[1]])
    prompts = instantiate(OmegaConf.load(PROMPTS))
    cases = [(empty, agreement), (pool, agreement)]
    [target], dropped = build_pairs(cases, First(), WinnerOnly(), prompts, tokenizer)
    assert (target.chosen, dropped) == ("text 0", {"the winner is an empty answer": 1})
