"""Requests to a model, the tokens drawn so far, and the completions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

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


class Ledger:
    """The limits and draws of every sample, numbered over all requests."""

    def __init__(
        self,
        model: PreTrainedModel,
        requests: Sequence[Request],
        settings: Decoding,
        stop_ids: Sequence[int],
        stops: StopStrings | None,
    ) -> None:
        self.texts = stops
        device, most = model.device, settings.max_new_tokens
        seeds = [seed for request in requests for seed in request.seeds]
        context = getattr(model.config, "max_position_embeddings", None) or np.iinfo(np.int64).max
        room = [context - len(request.prompt_ids) for request in requests for _ in request.seeds]
        self.limits: NDArray[np.int64] = np.clip(np.array(room, dtype=np.int64), 0, most)
        self.limit = torch.from_numpy(self.limits).to(device)
        self.uniforms = torch.from_numpy(_uniforms(seeds, most, settings.temperature == 0)).to(device)
        self.stops = torch.zeros(model.config.vocab_size, dtype=torch.bool, device=device)
        self.stops[torch.tensor(list(stop_ids), dtype=torch.int64, device=device)] = True
        shape = (len(seeds), most)
        self.tokens = torch.zeros(shape, dtype=torch.int64, device=device)
        self.logprobs = torch.zeros(shape, dtype=torch.float32, device=device)
        self.entropies = torch.zeros(shape, dtype=torch.float32, device=device)
        self.lengths = torch.zeros(len(seeds), dtype=torch.int64, device=device)
        self.stopped = torch.zeros(len(seeds), dtype=torch.bool, device=device)
        counts = np.array([len(request.seeds) for request in requests], dtype=np.int64)
        self.owner = np.repeat(np.arange(len(requests)), counts)
        self.first = np.cumsum(counts) - counts
        # Samples of each request that have not ended; one without room has nothing to wait for.
        self.running = np.bincount(self.owner[self.limits > 0], minlength=len(requests))

    def end(self, samples: Sequence[int]) -> None:
        """Record that ``samples`` have ended."""
        np.subtract.at(self.running, self.owner[list(samples)], 1)

    def record(self, samples: Tensor, steps: Tensor, tokens: Tensor, logprobs: Tensor, entropies: Tensor) -> Tensor:
        """Record the draws of ``samples`` [N] at ``steps`` [N]; return True [N] where they end the sample."""
        self.tokens[samples, steps] = tokens
        self.logprobs[samples, steps] = logprobs
        self.entropies[samples, steps] = entropies
        stopped = self.stops[tokens]
        if self.texts is not None:
            stopped |= self._ended(self.texts, samples, steps)
        self.lengths[samples] = steps + 1
        self.stopped[samples] = stopped
        return stopped | (steps + 1 >= self.limit[samples])

    def _ended(self, texts: StopStrings, samples: Tensor, steps: Tensor) -> Tensor:
        """Return whether the text of each sample's last tokens contains a stop string, [N] bool."""
        back = torch.arange(texts.window - 1, -1, -1, device=steps.device)
        last = self.tokens[samples[:, None], (steps[:, None] - back).clamp_(min=0)].tolist()  # one copy for all rows
        n_drawn = (steps + 1).clamp(max=texts.window).tolist()
        ended = [texts.end(ids[-count:]) for ids, count in zip(last, n_drawn, strict=True)]
        return torch.tensor(ended, dtype=torch.bool, device=steps.device)

    def completions(self, request: int) -> list[Completion]:
        """Return the completions of one request."""
        part = slice(self.first[request], self.first[request] + int((self.owner == request).sum()))
        books = [book[part].cpu().numpy() for book in (self.tokens, self.logprobs, self.entropies)]
        lengths, stopped = self.lengths[part].tolist(), self.stopped[part].tolist()
        return [
            Completion(
                tokens[:length].copy(), "stop" if ended else "length", logprobs[:length].copy(), ent[:length].copy()
            )
            for tokens, logprobs, ent, length, ended in zip(*books, lengths, stopped, strict=True)
        ]


def _uniforms(seeds: Sequence[int], count: int, greedy: bool) -> NDArray[np.float64]:
    """Draw [samples, count] uniforms in [0, 1): row s starts the counter-based stream keyed by seed s."""
    if greedy:
        return np.zeros((len(seeds), count))
    streams = [np.random.Generator(np.random.Philox(key=seed)).random(count) for seed in seeds]
    return np.stack(streams) if streams else np.zeros((0, count))
