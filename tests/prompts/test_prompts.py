"""Prompt texts, and how a chat template renders them."""

import re
from pathlib import Path

import pytest
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import OmegaConf
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from conself.minipy.splits import split
from conself.prompts.prompts import (
    Prompts,
    PromptsByKind,
    PromptStyle,
    Texts,
    observation_messages,
    opened,
    opening_of,
    program_messages,
    render,
)
from conself.records import Problem

CONF = Path(__file__).parents[2] / "conf" / "prompts"

PROBLEM = Problem("p", "Add one.", "def f(n):", "f", ("(1,)",), "test", "easy")
PROMPTS = Prompts(None, "{statement}|{starter_code}|{n}", "{statement}|{starter_code}", "{statement}|{observation}")
TURNS = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
PLAIN = TURNS + "{% if add_generation_prompt %}<assistant>{% endif %}"
NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
)
SILENT_SYSTEM = "{% for m in messages if m.role == 'user' %}<user>{{ m.content }}{% endfor %}<assistant>"


FUNCTION = Problem("f", " Add one.\n", "def f(n):\n    # {n}\n", "f", (), "test", "")
BARE = Problem("b", "Add one.", "", "add", (), "test", "")
STDIN = Problem("s", "Read n and print n + 1.\n", "", None, (), "test", "")


def style(name: str, override: str = "") -> PromptStyle:
    """One of conf/prompts, with another value where ``override`` is ``key=value``."""
    node = OmegaConf.load(CONF / f"{name}.yaml")
    if override:
        OmegaConf.update(node, *override.split("=", 1))
    made: PromptStyle = instantiate(node, _convert_="all")
    return made


def asked(prompts: PromptStyle, problem: Problem) -> list[str]:
    """The last turn of each question: for three observations, direct, and with an observation."""
    chats = (
        observation_messages(prompts, problem, 3),
        program_messages(prompts, problem, None),
        program_messages(prompts, problem, "n may be {big}"),
    )
    return [messages[-1]["content"] for messages in chats]


def tokenizer(template: str | None) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), chat_template=template)


def test_messages_fill_their_templates() -> None:
    assert observation_messages(PROMPTS, PROBLEM, 3) == [{"role": "user", "content": "Add one.|def f(n):|3"}]
    assert program_messages(PROMPTS, PROBLEM, None) == [{"role": "user", "content": "Add one.|def f(n):"}]
    assert program_messages(PROMPTS, PROBLEM, "n is small") == [{"role": "user", "content": "Add one.|n is small"}]


def test_braces_in_statement_and_observation_are_left_alone() -> None:
    problem = Problem("p", "Print {n} and {", "", None, ("",), "test", "")
    (message,) = program_messages(PROMPTS, problem, "use {}")
    assert message["content"] == "Print {n} and {|use {}"


def test_render_opens_the_assistants_turn() -> None:
    assert render(tokenizer(PLAIN), program_messages(PROMPTS, PROBLEM, None)) == "<user>Add one.|def f(n):<assistant>"


def test_an_opened_answer_follows_the_beginning_of_the_assistants_turn() -> None:
    opening = style("default", "function.opening=```python\n")
    assert (opening_of(opening, FUNCTION), opening_of(opening, STDIN)) == ("```python\n", "")
    messages = opened(program_messages(PROMPTS, PROBLEM, None), "```python\n")
    assert render(tokenizer(PLAIN), messages) == "<user>Add one.|def f(n):<assistant>```python\n"
    refused = opened([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}], "Yes")
    assert render(tokenizer(NO_SYSTEM), refused) == "<user>Be brief.\n\nHi<assistant>Yes"


def test_without_an_opening_or_a_chat_nothing_is_added_to_the_turns() -> None:
    messages = program_messages(PROMPTS, PROBLEM, None)
    assert opened(messages, "") == messages
    assert opened([{"role": "plain", "content": "# A\n"}], "def ") == [{"role": "plain", "content": "# A\ndef "}]


@pytest.mark.parametrize("template", [NO_SYSTEM, SILENT_SYSTEM])
def test_render_folds_a_refused_or_ignored_system_turn_into_the_users(template: str) -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert render(tokenizer(template), messages) == "<user>Be brief.\n\nHi<assistant>"


def test_render_leaves_an_empty_system_turn_out_where_the_template_refuses_it() -> None:
    refuses = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('no') }}{% endif %}<user>{{ messages[0].content }}"
    )
    messages = [{"role": "system", "content": ""}, {"role": "user", "content": "Hi"}]
    assert render(tokenizer(refuses), messages).split() == ["<user>", "Hi"]


def test_render_keeps_a_system_turn_that_the_template_knows() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert render(tokenizer(PLAIN), messages) == "<system>Be brief.<user>Hi<assistant>"


def test_thinking_is_off_where_a_template_knows_it() -> None:
    """The end of Qwen3's template: an empty thought is put before the answer."""
    thinks = (
        "{{ messages[0].content }}<assistant>"
        "{% if enable_thinking is defined and enable_thinking is false %}<think></think>{% endif %}"
    )
    assert render(tokenizer(thinks), [{"role": "user", "content": "Hi"}]) == "Hi<assistant><think></think>"


def test_render_without_chat_template_names_the_remedy() -> None:
    with pytest.raises(
        ValueError, match=r"no chat template; choose an instruction-tuned model, .* set prompts=fewshot"
    ):
        render(tokenizer(None), program_messages(PROMPTS, PROBLEM, None))


def test_render_keeps_a_system_turn_that_the_template_trims() -> None:
    trims = "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}{% endfor %}<assistant>"
    messages = [{"role": "system", "content": "Be brief.\n"}, {"role": "user", "content": "Hi"}]
    assert render(tokenizer(trims), messages) == "<system>Be brief.<user>Hi<assistant>"


def test_the_embedded_models_prompts_are_those_it_was_pre_trained_on() -> None:
    for problem, _ in split("validation", 5, 0):
        stated = f"{problem.statement}\n{problem.starter_code}"
        assert asked(style("minipy"), problem) == [f"{stated}\nObserve 3", stated, f"{stated}\nHint: n may be {{big}}"]


def test_the_direct_prompt_for_a_function_by_hand() -> None:
    """The block of code stands as it was given, but for line breaks around it; the function is named."""
    assert asked(style("default"), FUNCTION)[1] == (
        "Solve this problem in Python.\n"
        "\n"
        "Add one.\n"
        "\n"
        "The solution completes this code and keeps its signature:\n"
        "\n"
        "```python\n"
        "def f(n):\n"
        "    # {n}\n"
        "```\n"
        "\n"
        "Answer with one ```python code block that holds the finished code, with `f` and the imports it needs.\n"
        "Write nothing else: no example calls, no input(), no explanation."
    )


def test_the_direct_prompt_for_a_stdin_program_by_hand() -> None:
    assert asked(style("default"), STDIN)[1] == (
        "Write a Python program that solves this problem. It reads from standard input and prints to standard output.\n"
        "\n"
        "Read n and print n + 1.\n"
        "\n"
        "Answer with one ```python code block that holds the whole program and the imports it needs. "
        "Write nothing else: no\nexamples, no explanation."
    )


@pytest.mark.parametrize("name", ["default", "fewshot"])
def test_no_kind_of_problem_hears_of_the_other(name: str) -> None:
    prompts = style(name)
    of_functions = [text for problem in (FUNCTION, BARE) for text in asked(prompts, problem)]
    of_programs = asked(prompts, STDIN)
    assert not any(re.search(r"standard in|standard out|stdin|print", text.lower()) for text in of_functions)
    assert not any(re.search(r"function|signature|class\b|\bdef\b|return", text.lower()) for text in of_programs)


@pytest.mark.parametrize("name", ["default", "fewshot"])
@pytest.mark.parametrize("problem", [FUNCTION, BARE, STDIN], ids=lambda problem: problem.id)
def test_there_are_no_gaps_and_nothing_is_left_unfilled(name: str, problem: Problem) -> None:
    observe, program, guided = asked(style(name), problem)
    for text in (observe, program, guided):
        own = text.rpartition("### Problem")[2]  # exemplars are code with blank lines of its own
        assert "\n\n\n" not in own
        assert problem.statement.strip() in own
        assert not re.search(r"\{(statement|starter|entry_point|n\}.*observ)", own)
        assert ("```python\n" + problem.starter_code in own) == bool(problem.starter_code)
    assert "n may be {big}" in guided
    assert guided.replace("n may be {big}", "").split() != guided.split()
    assert problem.entry_point is None or f"`{problem.entry_point}`" in program


def test_a_system_turn_comes_first() -> None:
    messages = program_messages(style("default", "system=Be brief."), STDIN, None)
    assert [message["role"] for message in messages] == ["system", "user"]
    assert messages[0]["content"] == "Be brief."


@pytest.mark.parametrize(
    ("override", "told"),
    [
        (
            "function.guided={statement} {observatoin}",
            r"prompts\.function\.guided has no field \{observatoin\}; it may use ",
        ),
        ("function.program={statement} {observation}", r"function\.program has no field \{observation\}"),
        ("stdin.program={statement} {entry_point}", r"stdin\.program has no field \{entry_point\}; .*\{starter\}, "),
        ("stdin.guided={statement}", r"prompts\.stdin\.guided lacks \{observation\}"),
        ("stdin.guided={observation}", r"prompts\.stdin\.guided lacks \{statement\}"),
        ("stdin.program={statement:d}", r"prompts\.stdin\.program cannot be filled: .*; write fields as \{statement\}"),
        ("function.observe=Observe {n}", r"prompts\.function\.observe lacks \{statement\}"),
        ("stdin.observe={statement} {", r"stdin\.observe is no template \(.*\); write \{\{ and \}\} for braces"),
        ("starter=Begin {code}", r"prompts\.starter has no field \{code\}; it may use \{starter_code\}"),
    ],
)
@pytest.mark.parametrize("name", ["default", "fewshot"])
def test_a_wrong_field_is_told_with_its_template_when_the_prompts_are_built(
    name: str, override: str, told: str
) -> None:
    with pytest.raises(InstantiationException, match=told):
        style(name, override)


def test_a_wrong_field_is_told_in_one_wording_as_well() -> None:
    with pytest.raises(ValueError, match=r"prompts\.observe has no field \{0\}; it may use \{n\}, \{starter_code\}, "):
        Prompts(None, "{statement}{0}", "{statement}", "{observation}")


def test_an_observation_with_braces_and_a_starter_with_braces_are_left_alone() -> None:
    prompts = PromptsByKind(
        None, "<{starter_code}>", *[Texts("{statement}{n}", "{statement}{starter}", "{statement}{observation}")] * 2
    )
    problem = Problem("p", "s", "x = {}\n", "f", (), "test", "")
    assert program_messages(prompts, problem, None)[0]["content"] == "s<x = {}>"
    assert program_messages(prompts, problem, "{}")[0]["content"] == "s{}"
