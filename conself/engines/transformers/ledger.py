"""Requests to a model, the draws of running samples, and completions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from conself.engines.decoding import Decoding
from conself.engines.stop_strings import StopStrings


@dataclass(frozen=True)
class Request:
    """A prompt (token ids, at least one) and one 64-bit seed for each completion wanted of it.

    Its first ``shared`` tokens, fewer than all, are read separately, once for all requests that begin with them. Draws
    depend on ``shared`` by rounding, but not on the other requests.
    """

    prompt_ids: tuple[int, ...]
    seeds: tuple[int, ...]
    shared: int = 0

    @property
    def head(self) -> tuple[int, ...]:
        """The tokens that are read first: the shared ones, or without any all but the last."""
        return self.prompt_ids[: self.shared or -1]


@dataclass(frozen=True)
class Completion:
    """One completion of T tokens.

    ``token_ids`` [T] int64 end with the end-of-turn token, or with one that completes a stop string, exactly when
    ``finish_reason`` is ``"stop"``; else it is ``"length"``. ``token_logprobs`` and ``token_entropies``, [T] float32 in
    nats, are those of :func:`conself.engines.transformers.draw.choose`.
    """

    token_ids: NDArray[np.int64]
    finish_reason: str
    token_logprobs: NDArray[np.float32]
    token_entropies: NDArray[np.float32]

    @classmethod
    def empty(cls) -> "Completion":
        """Return that of a prompt which leaves no room for a token."""
        nothing = np.zeros(0, dtype=np.float32)
        return cls(np.zeros(0, dtype=np.int64), "length", nothing, nothing)


class Ledger:
    """The draws of running samples: each has a line, which another sample takes when it has ended.

    The tables are [lines, W], where W is the longest completion asked for so far.
    """

    def __init__(self, lines: int, vocabulary: int, stop_ids: Sequence[int], device: torch.device) -> None:
        self.uniforms = torch.zeros(lines, 0, dtype=torch.float64, device=device)
        self.tokens = torch.zeros(lines, 0, dtype=torch.int64, device=device)
        self.logprobs = torch.zeros(lines, 0, dtype=torch.float32, device=device)
        self.entropies = torch.zeros(lines, 0, dtype=torch.float32, device=device)
        self.limits = torch.zeros(lines, dtype=torch.int64, device=device)
        self.lengths = torch.zeros(lines, dtype=torch.int64, device=device)
        self.stopped = torch.zeros(lines, dtype=torch.bool, device=device)
        self.stops = torch.zeros(vocabulary, dtype=torch.bool, device=device)
        self.stops[torch.tensor(list(stop_ids), dtype=torch.int64, device=device)] = True
        self._free = list(range(lines))[::-1]

    def open(self, seeds: Sequence[int], room: int, settings: Decoding) -> list[int]:
        """Return a line for each seed, whose sample may have ``room`` tokens."""
        if room > self.tokens.shape[1]:
            for name in ("uniforms", "tokens", "logprobs", "entropies"):
                table = getattr(self, name)
                wider = table.new_zeros(table.shape[0], room)
                wider[:, : table.shape[1]] = table
                setattr(self, name, wider)
        lines = [self._free.pop() for _ in seeds]
        self.limits[lines] = room
        if settings.temperature > 0:
            self.uniforms[lines, :room] = torch.from_numpy(_uniforms(seeds, room)).to(self.uniforms.device)
        return lines

    def record(
        self, lines: Tensor, steps: Tensor, draw: tuple[Tensor, Tensor, Tensor], texts: StopStrings | None
    ) -> Tensor:
        """Record tokens, log-probs and entropies of ``lines`` [N] at ``steps`` [N]; return True [N] where one ends."""
        for table, values in zip((self.tokens, self.logprobs, self.entropies), draw, strict=True):
            table[lines, steps] = values
        stopped = self.stops[draw[0]]
        if texts is not None:
            stopped |= self._ended(texts, lines, steps)
        self.lengths[lines] = steps + 1
        self.stopped[lines] = stopped
        return stopped | (steps + 1 >= self.limits[lines])

    def _ended(self, texts: StopStrings, lines: Tensor, steps: Tensor) -> Tensor:
        """Return whether the text of each line's last tokens contains a stop string, [N] bool."""
        back = torch.arange(texts.window - 1, -1, -1, device=steps.device)
        last = self.tokens[lines[:, None], (steps[:, None] - back).clamp_(min=0)].tolist()  # one copy for all rows
        n_drawn = (steps + 1).clamp(max=texts.window).tolist()
        ended = [texts.end(ids[-count:]) for ids, count in zip(last, n_drawn, strict=True)]
        return torch.tensor(ended, dtype=torch.bool, device=steps.device)

    def close(self, lines: Sequence[int]) -> list[Completion]:
        """Return the completions of ``lines``, which are free from then on."""
        self._free += lines
        picked = list(lines)
        books = [book[picked].cpu().numpy() for book in (self.tokens, self.logprobs, self.entropies)]
        lengths, stopped = self.lengths[picked].tolist(), self.stopped[picked].tolist()
        return [
            Completion(
                tokens[:length].copy(), "stop" if ended else "length", logprobs[:length].copy(), ent[:length].copy()
            )
            for tokens, logprobs, ent, length, ended in zip(*books, lengths, stopped, strict=True)
        ]


def _uniforms(seeds: Sequence[int], count: int) -> NDArray[np.float64]:
    """Draw [samples, count] uniforms in [0, 1): row s starts the counter-based stream keyed by seed s."""
    return np.stack([np.random.Generator(np.random.Philox(key=seed)).random(count) for seed in seeds])
