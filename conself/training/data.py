"""From preference pairs as text to seeded global batches of token ids."""

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader
from transformers import PreTrainedTokenizerBase

from conself.models.turns import encode_prompt, encode_responses, end_of_turn_id
from conself.records import PreferencePair


@dataclass(frozen=True, slots=True)
class Response:
    """Token ids of one response, end of turn included, after those of its prompt. Equal ids are one response."""

    prompt: tuple[int, ...]
    tokens: tuple[int, ...]

    def __len__(self) -> int:
        """Tokens of prompt and response together."""
        return len(self.prompt) + len(self.tokens)


@dataclass(frozen=True, slots=True)
class TokenPair:
    """A preference pair in token ids; ``winner_weight`` is R(y_w) in [0, 1], ``name`` tells pairs apart."""

    problem_id: str
    name: str
    chosen: Response
    rejected: Response | None
    winner_weight: float

    @property
    def responses(self) -> tuple[Response, ...]:
        """The winner and, where there is one, the loser."""
        return (self.chosen,) if self.rejected is None else (self.chosen, self.rejected)


def encode(
    pairs: Sequence[PreferencePair], tokenizer: PreTrainedTokenizerBase, max_length: int
) -> tuple[list[TokenPair], int]:
    """The pairs in token ids, and how many were dropped because a response with its prompt exceeds ``max_length``.

    Prompt and response are tokenised apart, so that the boundary between them is exact; no special token is added
    but the end of turn after each response (:mod:`conself.models.turns`).

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
        encoded.append(TokenPair(pair.problem_id, name, chosen, rejected, value))
    kept = [pair for pair in encoded if all(len(response) <= max_length for response in pair.responses)]
    return kept, len(encoded) - len(kept)


def global_batches(
    pairs: Sequence[TokenPair], batch_size: int, seed: int, epoch: int, by_problem: bool
) -> list[list[TokenPair]]:
    """Batches of exactly ``batch_size`` pairs, each pair once; only the last may be smaller.

    Order: by SHA-256 of (seed, epoch, name), a new one each epoch and the same everywhere. With ``by_problem``
    problems are permuted and the pairs of each stay neighbours, so that a batch's pairs share winners and prompts
    (a batch boundary may cut a problem); without it pairs are permuted one by one.
    """

    def rank(pair: TokenPair) -> bytes:
        name = pair.problem_id if by_problem else pair.name
        return hashlib.sha256(json.dumps(["order", seed, epoch, name]).encode()).digest()

    order = sorted(pairs, key=rank)
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def deal(pairs: Sequence[TokenPair], ranks: int) -> list[list[TokenPair]]:
    """The pairs of a global batch for each of ``ranks`` processes: whole problems, balanced by tokens.

    A share may be empty. The problem with the most tokens goes first, to the process with the fewest so far. A pure
    function of its arguments: every process works out all shares alike.
    """
    problems: dict[str, list[TokenPair]] = {}
    for pair in pairs:
        problems.setdefault(pair.problem_id, []).append(pair)
    sizes = {name: sum(len(r) for pair in group for r in pair.responses) for name, group in problems.items()}
    shares: list[list[TokenPair]] = [[] for _ in range(ranks)]
    loads = [0] * ranks
    for name in sorted(problems, key=lambda name: -sizes[name]):
        least = loads.index(min(loads))
        shares[least] += problems[name]
        loads[least] += sizes[name]
    return shares


class PairData(LightningDataModule):
    """Feeds one global batch (a list of pairs) per training step, in the order of the current epoch.

    The first ``steps_taken`` batches, which an earlier run has trained on, are left out: the trainer's first epoch is
    then what remains of the epoch they end in.
    """

    def __init__(
        self, pairs: Sequence[TokenPair], batch_size: int, seed: int, by_problem: bool, steps_taken: int = 0
    ) -> None:
        super().__init__()
        self.epochs_taken, self.batches_taken = divmod(steps_taken, math.ceil(len(pairs) / batch_size))
        self.pairs = pairs
        self.batch_size = batch_size
        self.seed = seed
        self.by_problem = by_problem

    def train_dataloader(self) -> DataLoader[list[TokenPair]]:
        """The global batches of the trainer's current epoch; asked for anew each epoch."""
        epoch = 0 if self.trainer is None else self.trainer.current_epoch
        order = (self.seed, self.epochs_taken + epoch, self.by_problem)
        batches = global_batches(self.pairs, self.batch_size, *order)[0 if epoch else self.batches_taken :]
        return DataLoader(batches, batch_size=None, collate_fn=list)  # type: ignore[arg-type]  # lists are map-style

    def transfer_batch_to_device(
        self,
        batch: list[TokenPair],
        device: torch.device,  # noqa: ARG002
        dataloader_idx: int,  # noqa: ARG002
    ) -> list[TokenPair]:
        """Leave the batch where it is: it holds plain token ids, and each micro-batch moves itself."""
        return batch
