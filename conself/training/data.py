"""Tokenise preference pairs into examples, and arrange them in seeded global batches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from conself.prompts.turns import encode_prompt, encode_responses, end_of_turn_id
from conself.records import PreferencePair

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class Response:
    """Token ids of a prompt and of one response, end of turn included. Equal ids are the same response."""

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]

    def __len__(self) -> int:
        """Count the tokens of prompt and response together."""
        return len(self.prompt) + len(self.tokens)


@dataclass(frozen=True, slots=True)
class Example:
    """A problem's prompt with one or more responses, and the signal for the loss.

    ``signal`` has a number for each response: R(y_w) in [0, 1] for the winner of a pair and 0 for its loser, or the
    advantage of a rollout. ``behaviour`` has, for each response, the log-probs in nats with which its tokens were
    drawn; None if no loss needs them. ``name`` distinguishes the examples of a problem.

    Raises:
        ValueError: signal or log-probs do not match the responses, or the responses have different prompts.
    """

    problem_id: str
    name: str
    responses: tuple[Response, ...]
    signal: tuple[float, ...]
    behaviour: tuple[tuple[float, ...], ...] | None

    def __post_init__(self) -> None:
        if not self.responses or len(self.signal) != len(self.responses):
            raise ValueError(
                f"example {self.name!r} has {len(self.responses)} responses and a signal of {len(self.signal)}; "
                "give at least one response, and a number for each"
            )
        if any(response.prompt != self.prompt for response in self.responses):
            raise ValueError(f"example {self.name!r} has responses to different prompts; make it an example for each")
        if self.behaviour is not None:
            wanted, recorded = [len(r.tokens) for r in self.responses], [len(values) for values in self.behaviour]
            if wanted != recorded:
                raise ValueError(
                    f"example {self.name!r} has responses of {wanted} tokens and behaviour log-probs of {recorded}; "
                    "give one for each token"
                )

    @property
    def prompt(self) -> tuple[int, ...]:
        """The prompt that all its responses share."""
        return self.responses[0].prompt

    def apart(self) -> list[Example]:
        """Split into an example for each response."""
        behaviours = [None] * len(self.responses) if self.behaviour is None else [(each,) for each in self.behaviour]
        parts = zip(self.responses, self.signal, behaviours, strict=True)
        return [
            Example(self.problem_id, f"{self.name}/{k}", (response,), (value,), behaviour)
            for k, (response, value, behaviour) in enumerate(parts)
        ]


def pair_example(
    problem_id: str, name: str, chosen: Response, rejected: Response | None, winner_weight: float
) -> Example:
    """Build an example from a winner with R(y_w), and its loser if there is one."""
    responses = (chosen,) if rejected is None else (chosen, rejected)
    return Example(problem_id, name, responses, (winner_weight, 0.0)[: len(responses)], None)


def encode(
    pairs: Sequence[PreferencePair], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> tuple[list[Example], int]:
    """Tokenise pairs; also return the number dropped because a response with its prompt exceeds ``max_length``.

    Prompt and response are tokenised separately, so that the boundary between them is exact; no special token is added
    except the end of turn after each response (:mod:`conself.prompts.turns`).

    Raises:
        ValueError: the tokenizer has no end of text, or a prompt has no tokens (nothing would predict the first).
    """
    end = end_of_turn_id(tokenizer)
    prompts = {text: tuple(encode_prompt(tokenizer, text)) for text in {pair.prompt for pair in pairs}}
    texts = sorted({text for pair in pairs for text in (pair.chosen, pair.rejected) if text is not None})
    rows = encode_responses(tokenizer, texts)
    ids = {text: (*row, end) for text, row in zip(texts, rows, strict=True)}

    encoded = []
    for pair in pairs:
        prompt = prompts[pair.prompt]
        if not prompt:
            raise ValueError(f"the prompt of problem {pair.problem_id!r} has no tokens; check the prompt templates")
        chosen = Response(prompt, ids[pair.chosen])
        rejected = None if pair.rejected is None else Response(prompt, ids[pair.rejected])
        name = f"{pair.problem_id}/{pair.chosen_index}/{pair.rejected_index}"
        value = 1.0 if pair.winner_weight is None else pair.winner_weight  # no loss that reads it is given such pairs
        encoded.append(pair_example(pair.problem_id, name, chosen, rejected, value))
    kept = [pair for pair in encoded if all(len(response) <= max_length for response in pair.responses)]
    return kept, len(encoded) - len(kept)


def place_in_epoch(seed: int, epoch: int, name: str) -> bytes:
    """Return the sort key of a name in an epoch: SHA-256 of (seed, epoch, name), a new order each epoch."""
    return hashlib.sha256(json.dumps(["order", seed, epoch, name]).encode()).digest()


def global_batches(
    examples: Sequence[Example], batch_size: int, seed: int, epoch: int, by_problem: bool
) -> list[list[Example]]:
    """Arrange examples in batches of exactly ``batch_size``, each example once; only the last may be smaller.

    Order: :func:`place_in_epoch`, the same everywhere. With ``by_problem`` problems are permuted and their examples
    stay together, so that a batch's pairs share winners and prompts (a batch boundary may cut a problem); otherwise
    examples are permuted one by one.
    """

    def rank(example: Example) -> bytes:
        return place_in_epoch(seed, epoch, example.problem_id if by_problem else example.name)

    order = sorted(examples, key=rank)
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def deal(examples: Sequence[Example], ranks: int) -> list[list[Example]]:
    """Divide a global batch among ``ranks`` processes: whole problems, balanced by tokens.

    A share may be empty. The problem with the most tokens goes first, to the process with the fewest so far. A pure
    function of its arguments, so that every process computes the same shares.
    """
    problems: dict[str, list[Example]] = {}
    for example in examples:
        problems.setdefault(example.problem_id, []).append(example)
    sizes = {name: sum(len(r) for example in group for r in example.responses) for name, group in problems.items()}
    shares: list[list[Example]] = [[] for _ in range(ranks)]
    loads = [0] * ranks
    for name in sorted(problems, key=lambda name: -sizes[name]):
        least = loads.index(min(loads))
        shares[least] += problems[name]
        loads[least] += sizes[name]
    return shares
