"""Assemble prompts. The texts are in ``conf/prompts/``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from string import Formatter
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from conself.records import Problem

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Message = dict[str, str]

PLAIN = "plain"
"""The role of a plain text that the model continues, without chat template or turns."""

_NEEDED = {"observe": {"statement"}, "program": {"statement"}, "guided": {"observation"}}
_OWN = {"observe": {"n"}, "program": set[str](), "guided": {"observation"}}

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Texts:
    """Templates for one kind of problem, filled by ``str.format``.

    ``observe`` asks for {n} observations; ``program`` is the direct prompt; ``guided`` also has {observation}. Their
    owner determines the other fields that they may use. ``opening`` is no template: every answer with a program begins
    with it, and the model goes on from there; empty: the model begins its answer itself.
    """

    observe: str
    program: str
    guided: str
    opening: str = ""


class PromptStyle(Protocol):
    """The contract of prompts, for samplers and training."""

    @property
    def stop(self) -> tuple[str, ...]:
        """Return strings that end an answer, besides the model's end of turn; they do not belong to the answer."""

    def wording(self, problem: Problem) -> tuple[Texts, dict[str, str]]:
        """Return the templates for a problem, and the fields that all of them share."""

    def turns(self, text: str) -> list[Message]:
        """Return the chat that presents a filled template to the model."""


@dataclass(frozen=True)
class _Chat:
    """Turns of a chat. ``system`` is the system turn, or None for no system turn."""

    system: str | None

    stop: ClassVar[tuple[str, ...]] = ()

    def turns(self, text: str) -> list[Message]:
        """Return one user turn, after the system turn, if there is one."""
        turn = {"role": "user", "content": text}
        return [turn] if self.system is None else [{"role": "system", "content": self.system}, turn]


@dataclass(frozen=True)
class Prompts(_Chat):
    """One wording for every problem; its templates may use {statement} and {starter_code}.

    Raises:
        ValueError: a template has a field that does not exist, or lacks one that it needs; names both.
    """

    observe: str
    program: str
    guided: str

    def __post_init__(self) -> None:
        _check("", self, {"statement", "starter_code"}, set())

    def wording(self, problem: Problem) -> tuple[Texts, dict[str, str]]:
        """Return the same templates for every problem, and the problem's texts unchanged."""
        field_values = {"statement": problem.statement, "starter_code": problem.starter_code}
        return Texts(self.observe, self.program, self.guided), field_values


@dataclass(frozen=True)
class PromptsByKind(_Chat):
    """A wording for functions to complete, and one for programs that read standard input.

    Templates may use {statement} and {starter}, those for functions also {entry_point}. {starter} is ``starter``,
    itself filled with {starter_code}, where a problem has starter code, else nothing.

    Raises:
        ValueError: a template has a field that does not exist, or lacks one that it needs; names both.
    """

    starter: str
    function: Texts
    stdin: Texts

    def __post_init__(self) -> None:
        check_kinds(self.starter, self.function, self.stdin)

    def wording(self, problem: Problem) -> tuple[Texts, dict[str, str]]:
        """Return the templates of the problem's kind, and its texts."""
        name = problem.entry_point
        texts = by_kind(name, self.function, self.stdin)
        return texts, fields(problem.statement, problem.starter_code, name, self.starter)


def by_kind(entry_point: str | None, function: Kind, stdin: Kind) -> Kind:
    """Choose by the kind of problem: with an entry point a function to complete, else a stdin program."""
    return stdin if entry_point is None else function


def fields(statement: str, starter_code: str, entry_point: str | None, starter: str) -> dict[str, str]:
    """Return the fields of templates by kind, stripped of white space; ``starter`` is the template of {starter}.

    A stdin program has no {entry_point}.
    """
    code = starter_code.strip("\n")
    named = {} if entry_point is None else {"entry_point": entry_point}
    return {"statement": statement.strip(), "starter": starter.format(starter_code=code) if code else "", **named}


def check_kinds(starter: str, function: Texts, stdin: Texts) -> None:
    """Check that templates by kind have only known fields, and all that they need.

    Raises:
        ValueError: names the template and the field.
    """
    check_fields("starter", starter, {"starter_code"}, {"starter_code"})
    _check("function.", function, {"statement", "starter", "entry_point"}, {"statement"})
    _check("stdin.", stdin, {"statement", "starter"}, {"statement"})


def _check(where: str, texts: Texts | Prompts, shared: set[str], needed: set[str]) -> None:
    for name, own in _NEEDED.items():
        check_fields(where + name, getattr(texts, name), shared | _OWN[name], needed | own)


def check_fields(name: str, template: str, allowed: set[str], needed: set[str]) -> None:
    """Refuse a template that could not be filled with the ``allowed`` fields, or that lacks a ``needed`` one.

    Raises:
        ValueError: that is so; names the template, as a key below ``prompts``, and the field.
    """
    try:
        used = {field for _, field, _, _ in Formatter().parse(template) if field is not None}
    except ValueError as error:
        raise ValueError(f"prompts.{name} is no template ({error}); write {{{{ and }}}} for braces") from None
    for field in sorted(used - allowed):
        choice = ", ".join(f"{{{each}}}" for each in sorted(allowed))
        raise ValueError(f"prompts.{name} has no field {{{field}}}; it may use {choice}")
    for field in sorted(needed - used):
        raise ValueError(f"prompts.{name} lacks {{{field}}}")
    try:
        template.format(**(dict.fromkeys(allowed, "") | {"n": 1}))
    except (ValueError, LookupError) as error:
        raise ValueError(f"prompts.{name} cannot be filled: {error}; write fields as {{statement}}, no more") from None


def observation_messages(prompts: PromptStyle, problem: Problem, n: int) -> list[Message]:
    """Build the chat messages that ask for ``n`` observations on the problem."""
    texts, field_values = prompts.wording(problem)
    return prompts.turns(texts.observe.format(n=n, **field_values))


def program_messages(prompts: PromptStyle, problem: Problem, observation: str | None) -> list[Message]:
    """Build the chat messages that ask for a program; ``observation`` None gives the direct prompt pi(y given p)."""
    texts, field_values = prompts.wording(problem)
    if observation is None:
        return prompts.turns(texts.program.format(**field_values))
    return prompts.turns(texts.guided.format(observation=observation, **field_values))


def opening_of(prompts: PromptStyle, problem: Problem) -> str:
    """Return the text that an answer with a program begins with; empty: the model begins it itself."""
    return prompts.wording(problem)[0].opening


def program_ask(prompts: PromptStyle, problem: Problem, observation: str | None) -> list[Message]:
    """Build the messages that a program is drawn from: :func:`program_messages`, with the answer opened."""
    return opened(program_messages(prompts, problem, observation), opening_of(prompts, problem))


def opened(messages: list[Message], opening: str) -> list[Message]:
    """Begin the answer to ``messages`` with ``opening``: a last, unfinished turn of the assistant."""
    if not opening:
        return messages
    if messages[0]["role"] == PLAIN:
        return [{"role": PLAIN, "content": messages[0]["content"] + opening}]
    return [*messages, {"role": "assistant", "content": opening}]


def render(tokenizer: PreTrainedTokenizerBase, messages: list[Message]) -> str:
    """Render the prompt as the model reads it, including the beginning of the assistant's turn, opened or not.

    If the chat template refuses a system turn, its text is put before the user's. If it can make the model think before
    its answer, that is off: a response is the answer alone. A plain text needs no chat template: it gets the
    tokenizer's beginning of text.

    Raises:
        ValueError: the tokenizer has no chat template.
    """
    if messages[0]["role"] == PLAIN:
        adds_bos = tokenizer.bos_token_id in tokenizer("")["input_ids"]
        return (str(tokenizer.bos_token) if adds_bos else "") + messages[0]["content"]
    if messages[-1]["role"] == "assistant":
        return render(tokenizer, messages[:-1]) + messages[-1]["content"]
    if tokenizer.chat_template is None:
        raise ValueError(
            f"the tokenizer of {tokenizer.name_or_path!r} has no chat template; choose an instruction-tuned model, "
            "or save a chat template with its tokenizer, or set prompts=fewshot"
        )

    def apply(turns: list[Message]) -> str:
        # without thinking, where a template knows it (Qwen3's); all others read no such variable
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True, enable_thinking=False)
        return str(text)

    return _apply_with_system(apply, messages)


def _apply_with_system(apply: Callable[[list[Message]], str], messages: list[Message]) -> str:
    if messages[0]["role"] != "system":
        return apply(messages)
    try:
        text = apply(messages)
    except Exception:  # templates refuse a role by raising whatever their jinja raises
        text = ""
    if text and messages[0]["content"].strip() in text:  # some templates strip their input
        return text
    first = {"role": "user", "content": messages[0]["content"] + "\n\n" + messages[1]["content"]}
    return apply([first, *messages[2:]])
