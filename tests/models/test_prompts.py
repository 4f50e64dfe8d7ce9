"""Prompt texts, and how a chat template renders them."""

import pytest
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from conself.models.prompts import Prompts, observation_messages, program_messages, render
from conself.records import Problem

PROBLEM = Problem("p", "Add one.", "def f(n):", "f", ("(1,)",), "test", "easy")
PROMPTS = Prompts(None, "{statement}|{starter_code}|{n}", "{statement}|{starter_code}", "{statement}|{observation}")
TURNS = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
PLAIN = TURNS + "{% if add_generation_prompt %}<assistant>{% endif %}"
NO_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
)
SILENT_SYSTEM = "{% for m in messages if m.role == 'user' %}<user>{{ m.content }}{% endfor %}<assistant>"


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


def test_render_without_chat_template_names_the_remedy() -> None:
    with pytest.raises(ValueError, match="no chat template; choose an instruction-tuned model"):
        render(tokenizer(None), program_messages(PROMPTS, PROBLEM, None))


def test_render_keeps_a_system_turn_that_the_template_trims() -> None:
    trims = "{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}{% endfor %}<assistant>"
    messages = [{"role": "system", "content": "Be brief.\n"}, {"role": "user", "content": "Hi"}]
    assert render(tokenizer(trims), messages) == "<system>Be brief.<user>Hi<assistant>"
