from collections.abc import Sequence
from dataclasses import replace

import pytest

from conself.engines.decoding import Decoding, sample_seed
from conself.engines.engine import Ask, Reply
from conself.prompts.prompts import Prompts, PromptsByKind, Texts
from conself.records import Problem
from conself.samplers.direct import direct_candidates
from conself.samplers.guided import Plan, candidate, guided_candidates, observation_figures

PROMPTS = Prompts(system=None, observe="observe {n} {statement}", program="solve {statement}", guided="{observation}")
DRAWN = Decoding(1.0, 1.0, 10, 15)


def problem(name: str) -> Problem:
    return Problem(name, f"statement of {name}", "", "f", ("(1,)",), "test", "easy")


def plan(observations: int = 3, programs: int = 2) -> Plan:
    return Plan(observations, programs, Decoding(0.7, 0.8, 10, 15), DRAWN, 5, PROMPTS)


class Scripted:
    """A black box that answers observation prompts from a script and echoes program prompts with their seed."""

    def __init__(self, *rounds: dict[str, str]) -> None:
        self.rounds = list(rounds)
        self.observing: list[tuple[str, int]] = []

    def __call__(self, asks: Sequence[Ask], settings: Decoding) -> list[list[Reply]]:
        if settings.temperature == 0.7:
            script = self.rounds.pop(0)
            names = [ask.messages[0]["content"].split()[-1] for ask in asks]
            self.observing += [(name, seed) for name, ask in zip(names, asks, strict=True) for seed in ask.seeds]
            return [[Reply(script[name], "stop", None, None, 1)] for name in names]
        return [
            [Reply(f"```python\n# {ask.messages[0]['content']} {s}\n```", "stop", 0.5, 0.25, 9) for s in ask.seeds]
            for ask in asks
        ]


def test_candidates_come_in_order_with_their_observation() -> None:
    black_box = Scripted({"p": "1. a\n2. b\n3. c", "q": "1. d\n2. e\n3. f\n4. g"})
    first, second = guided_candidates([problem("p"), problem("q")], plan(), black_box)
    assert [c.index for c in first] == list(range(6))
    assert [c.observation for c in first] == ["a", "a", "b", "b", "c", "c"]
    assert [c.observation for c in second] == ["d", "d", "e", "e", "f", "f"]
    assert first[3].code == f"# b {sample_seed(5, 'sample', 'p', 3)}\n"
    assert (first[0].mean_nll, first[0].mean_token_entropy, first[0].entropy_top_k) == (0.5, 0.25, 15)
    assert first[0].n_tokens == 9


class Continuing(Scripted):
    """A black box that goes on with the answer where it was opened."""

    def __call__(self, asks: Sequence[Ask], settings: Decoding) -> list[list[Reply]]:
        replies = super().__call__(asks, settings)
        if settings.temperature != 0.7:
            assert all(ask.messages[-1] == {"role": "assistant", "content": "```python\n"} for ask in asks)
            return [[replace(r, text=r.text.removeprefix("```python\n")) for r in group] for group in replies]
        assert all(ask.messages[-1]["role"] == "user" for ask in asks)
        return replies


def test_an_opened_answer_is_whole_in_the_candidate() -> None:
    texts = Texts("observe {n} {statement}", "solve {statement}", "{statement} {observation}", "```python\n")
    style = PromptsByKind(None, "{starter_code}", texts, texts)
    (given,) = guided_candidates([problem("p")], replace(plan(2, 1), prompts=style), Continuing({"p": "1. a\n2. b"}))
    assert [c.text for c in given] == [
        f"```python\n# statement of p {hint} {sample_seed(5, 'sample', 'p', k)}\n```" for k, hint in enumerate("ab")
    ]
    assert given[1].code == f"# statement of p b {sample_seed(5, 'sample', 'p', 1)}\n"
    drawn = Decoding(1.0, 1.0, 10, 15)
    ((direct,),) = direct_candidates([problem("p")], 1, 5, style, drawn, Continuing())
    assert direct.code == f"# solve statement of p {sample_seed(5, 'answer', 'p', 0)}\n"
    assert (direct.n_tokens, direct.mean_nll) == (9, 0.5)


def test_shortfall_is_asked_again_then_filled_by_the_direct_prompt() -> None:
    black_box = Scripted({"p": "1. a", "q": "1. d\n2. e\n3. f"}, {"p": "1. x\n2. y"})
    first, second = guided_candidates([problem("p"), problem("q")], plan(), black_box)
    assert [c.observation for c in first] == ["x", "x", "y", "y", None, None]
    assert first[4].code is not None
    assert first[4].code.startswith("# solve statement of p ")
    assert [c.observation for c in second] == ["d", "d", "e", "e", "f", "f"]
    assert ({c.observation_asks for c in first}, {c.observation_asks for c in second}) == ({2}, {1})
    asked = [name for name, _ in black_box.observing]
    assert asked == ["p", "q", "p"]
    assert len({seed for _, seed in black_box.observing}) == 3


def test_an_emptier_second_answer_does_not_replace_the_first() -> None:
    black_box = Scripted({"p": "1. a"}, {"p": "nothing to list"})
    (first,) = guided_candidates([problem("p")], plan(), black_box)
    assert [c.observation for c in first] == ["a", "a", None, None, None, None]


def test_without_any_observation_all_candidates_are_direct() -> None:
    black_box = Scripted({"p": ""}, {"p": ""})
    (first,) = guided_candidates([problem("p")], plan(3, 5), black_box)
    assert [(c.index, c.observation) for c in first] == [(i, None) for i in range(15)]
    assert len({c.code for c in first}) == 15


def test_figures_of_observations() -> None:
    black_box = Scripted({"p": "1. a", "q": "1. d\n2. e\n3. f", "r": ""}, {"p": "1. x\n2. y", "r": "none"})
    drawn = [c for group in guided_candidates([problem(name) for name in "pqr"], plan(), black_box) for c in group]
    # p lacks one of three observations, r all three; two programs stand in for each
    assert observation_figures(drawn) == {"asked_again": 2, "problems_without": 1, "direct": 8}
    direct = [candidate(problem("s"), 0, None, Reply("", "stop", None, None, 1), DRAWN)]
    assert observation_figures(direct) == {"asked_again": 0, "problems_without": 0, "direct": 0}


def test_the_program_is_the_block_that_defines_the_entry_point() -> None:
    text = "```python\ndef f(n): return n\n```\n```python\nprint(f(1))\n```"
    reply = Reply(text, "stop", None, None, 1)
    assert candidate(problem("p"), 0, None, reply, DRAWN).code == "def f(n): return n\n"
    from_stdin = replace(problem("p"), entry_point=None)
    assert candidate(from_stdin, 0, None, reply, DRAWN).code == "print(f(1))\n"


def test_zero_observations_or_programs_are_refused() -> None:
    with pytest.raises(ValueError, match="n_observations"):
        plan(0, 5)
    with pytest.raises(ValueError, match="programs_per_observation"):
        plan(3, 0)
