"""Prompt texts, code extraction and lenient parsing of observations."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast

from conself.prompts import Prompts, extract_code, observation_messages, parse_observations, program_messages, render
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


def test_render_keeps_a_system_turn_that_the_template_knows() -> None:
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    assert render(tokenizer(PLAIN), messages) == "<system>Be brief.<user>Hi<assistant>"


def test_render_without_chat_template_names_the_remedy() -> None:
    with pytest.raises(ValueError, match="no chat template; choose an instruction-tuned model"):
        render(tokenizer(None), program_messages(PROMPTS, PROBLEM, None))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("```python\nx = 1\n```", "x = 1\n"),
        ("Sure!\n```py\nx = 1\n```\nDone.", "x = 1\n"),
        ("```\nx = 1\n```", "x = 1\n"),
        ("```python\nx = 1\n```\nBetter:\n```python\nx = 2\n```", "x = 2\n"),
        ("```python\nx = 1\n```\n```text\n3 4\n```", "x = 1\n"),
        ("```python\ndef f():\n    return 1", "def f():\n    return 1\n"),
        ("```python\n```", None),
        ("```bash\nls\n```", None),
        ("x = 1", None),
        ("", None),
    ],
)
def test_extract_code(text: str, code: str | None) -> None:
    assert extract_code(text) == code


@given(st.lists(st.text(alphabet="abc =()\n    ", min_size=1), min_size=1))
def test_extract_code_gives_the_last_block_back(bodies: list[str]) -> None:
    last = bodies[-1].rstrip()
    text = "\n".join(f"```python\n{body}\n```" for body in bodies)
    if all(body.strip() for body in bodies):
        assert extract_code(text) == last + "\n"


@pytest.mark.parametrize(
    ("text", "n", "found"),
    [
        ("1. first\n2. second\n3. third", 3, ["first", "second", "third"]),
        ("1) first\n2) second", 3, ["first", "second"]),
        ("- first\n* second\n• third", 2, ["first", "second"]),
        ("Here you go:\n1. first\n   goes on\n\n2. second", 3, ["first goes on", "second"]),
        ("Observation 1: first\nObservation 2: second", 3, ["first", "second"]),
        ("### first\n### second", 3, ["first", "second"]),
        ("1. **Zero is even**: mind it", 3, ["Zero is even**: mind it"]),
        ("nothing of the kind", 3, []),
        ("", 3, []),
    ],
)
def test_parse_observations(text: str, n: int, found: list[str]) -> None:
    assert parse_observations(text, n) == found


@given(st.text(), st.integers(1, 5))
def test_parse_observations_takes_any_text(text: str, n: int) -> None:
    found = parse_observations(text, n)
    assert len(found) <= n
    assert all(item.strip() for item in found)
