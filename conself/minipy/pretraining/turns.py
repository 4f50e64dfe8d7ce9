"""What a pre-training reads: chat messages, and the completion that answers them."""

from collections.abc import Iterator
from dataclasses import dataclass

from conself.minipy.corpus import Example, corpus
from conself.prompts.prompts import Message, PromptStyle, observation_messages, program_messages


@dataclass(frozen=True, slots=True)
class Turn:
    """Messages as sampling will send them, what the model should write, and whether that is a program."""

    messages: list[Message]
    completion: str
    is_program: bool


def coder_turns(size: int, seed: int, prompts: PromptStyle) -> Iterator[Turn]:
    """The first ``size`` examples of the corpus (:func:`conself.minipy.corpus.corpus`) as turns."""
    for example in corpus(size, seed):
        yield coder_turn(example, prompts)


def coder_turn(example: Example, prompts: PromptStyle) -> Turn:
    """An example of the corpus as a turn."""
    return Turn(_messages(example, prompts), example.completion, example.kind != "observations")


def _messages(example: Example, prompts: PromptStyle) -> list[Message]:
    if example.kind == "observations":
        return observation_messages(prompts, example.problem, n=len(example.completion.splitlines()))
    return program_messages(prompts, example.problem, example.observation)
