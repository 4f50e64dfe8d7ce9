"""Prompt assembly. The texts themselves live in ``conf/prompts/``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conself.records import Problem

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Message = dict[str, str]


@dataclass(frozen=True)
class Prompts:
    """Templates of one prompting style, filled by ``str.format``.

    ``observe`` may use {statement}, {starter_code} and {n}; ``program`` (the direct prompt) {statement} and
    {starter_code}; ``guided`` also {observation}. ``system`` is the system turn, or None for no system turn.
    """

    system: str | None
    observe: str
    program: str
    guided: str


def observation_messages(prompts: Prompts, problem: Problem, n: int) -> list[Message]:
    """Chat messages that ask for ``n`` observations on the problem."""
    user = prompts.observe.format(statement=problem.statement, starter_code=problem.starter_code, n=n)
    return _messages(prompts.system, user)


def program_messages(prompts: Prompts, problem: Problem, observation: str | None) -> list[Message]:
    """Chat messages that ask for a program; ``observation`` None gives the direct prompt pi(y given p)."""
    fields = {"statement": problem.statement, "starter_code": problem.starter_code}
    if observation is None:
        return _messages(prompts.system, prompts.program.format(**fields))
    return _messages(prompts.system, prompts.guided.format(observation=observation, **fields))


def _messages(system: str | None, user: str) -> list[Message]:
    turn = {"role": "user", "content": user}
    return [turn] if system is None else [{"role": "system", "content": system}, turn]


def check_chat_template(tokenizer: PreTrainedTokenizerBase) -> None:
    """Refuse a tokenizer that cannot put a chat into text.

    Raises:
        ValueError: it has no chat template.
    """
    if tokenizer.chat_template is None:
        raise ValueError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no chat template; "
            "choose an instruction-tuned model, or save a chat template with its tokenizer"
        )


def render(tokenizer: PreTrainedTokenizerBase, messages: list[Message]) -> str:
    """The prompt as the model reads it, up to and with the opening of the assistant's turn.

    Where the chat template refuses a system turn, its text is put before the user's.

    Raises:
        ValueError: the tokenizer has no chat template.
    """
    check_chat_template(tokenizer)

    def apply(turns: list[Message]) -> str:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))

    return _apply_with_system(apply, messages)


def _apply_with_system(apply: Callable[[list[Message]], str], messages: list[Message]) -> str:
    if messages[0]["role"] != "system":
        return apply(messages)
    try:
        text = apply(messages)
    except Exception:  # templates refuse a role by raising whatever their jinja raises
        text = ""
    if text and messages[0]["content"].strip() in text:  # some templates trim what they are given
        return text
    first = {"role": "user", "content": messages[0]["content"] + "\n\n" + messages[1]["content"]}
    return apply([first, *messages[2:]])
