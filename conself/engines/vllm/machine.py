"""One vLLM engine per process: prompts in, replies out, a step at a time.

The engine runs inside the process that uses it (a worker process, which dies with its parent), not in a separate
process, which would survive a ``kill -9`` and keep its GPU memory. With tensor parallelism the other ranks are
children of the worker, which vLLM ends when the worker is gone.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from conself.engines.decoding import Decoding
from conself.engines.engine import Ask, Reply
from conself.engines.stop_strings import StopStrings, text_of
from conself.engines.stream import Deliver
from conself.engines.transformers.ledger import Completion, Request
from conself.engines.vllm.start import Runtime, lora_rank, start
from conself.engines.vllm.sums import Sums, add_rows
from conself.models.transformers import fingerprint, load_tokenizer, stop_token_ids_of
from conself.prompts.prompts import render
from conself.prompts.turns import encode_prompt
from conself.records import ModelRef

if TYPE_CHECKING:
    from vllm.lora.request import LoRARequest
    from vllm.v1.engine import EngineCoreRequest

# vLLM keeps seeds as signed 64-bit numbers.
_SEED_BITS = (1 << 63) - 1


@dataclass
class _Draw:
    """A running sample; ``finish`` is called with it and the reason why it ended."""

    sums: Sums
    stops: StopStrings
    finish: Callable[[_Draw, str], None]


class VllmMachine:
    """vLLM with one base model; at most one adapter is active at a time, and none is ever merged.

    ``live`` is the number of samples submitted and not yet finished, ``seats`` how many vLLM decodes together.
    """

    def __init__(self, ref: ModelRef, runtime: Runtime, max_model_len: int | None) -> None:
        self.seats = runtime.max_num_seqs
        self._vllm = start(ref, runtime, max_model_len)
        self._tokenizer = load_tokenizer(ref)
        self._stops = list(stop_token_ids_of(ref, self._tokenizer))
        self._context = int(self._vllm.model_config.max_model_len)
        self._draws: dict[str, _Draw] = {}
        self._serial = itertools.count()
        self._adapters: dict[str, LoRARequest] = {}
        self._adapter: LoRARequest | None = None

    @property
    def live(self) -> int:
        """The number of running samples."""
        return len(self._draws)

    def wear(self, ref: ModelRef) -> None:
        """Activate ``ref``'s adapter for later submissions, or deactivate it."""
        if ref.adapter is None:
            self._adapter = None
            return
        from vllm.lora.request import LoRARequest

        name = fingerprint(ref)  # of its content: a rewritten folder is another adapter
        if name not in self._adapters:
            self._adapters[name] = LoRARequest(name, len(self._adapters) + 1, ref.adapter)
        self._adapter = self._adapters[name]

    def submit(
        self,
        asks: Sequence[Ask],
        decoding: Decoding,
        deliver: Deliver,
        turn: int,  # noqa: ARG002 - vLLM starts them as they come
    ) -> list[str]:
        """Start one sample per seed of each ask; ``deliver(a, i, reply)`` is called when seed i of ask a is done.

        vLLM's own ``n`` makes the same requests, with seeds s, s + 1, ...; here each has its own seed, so that a sample
        does not depend on the number of draws. They share the prompt through the prefix cache. A prompt that leaves no
        room for a token in the context gives empty replies at once. Returns names for :meth:`abort`.

        Raises:
            ValueError: the prompt has no token, or vLLM refuses a setting.
        """
        return [
            name for number, ask in enumerate(asks) for name in self._submit(ask, decoding, partial(deliver, number))
        ]

    def _submit(self, ask: Ask, decoding: Decoding, deliver: Callable[[int, Reply], None]) -> list[str]:
        ids = encode_prompt(self._tokenizer, render(self._tokenizer, ask.messages))
        if not ids:
            raise ValueError("a prompt has no token; check the prompt templates and the model's chat template")
        room = min(decoding.max_new_tokens, self._context - len(ids))
        if room < 1:
            for place in range(len(ask.seeds)):
                deliver(place, Reply("", "length", None, None, 0))
            return []

        def to(places: range) -> Callable[[_Draw, str], None]:
            return lambda draw, reason: self._deliver(draw, reason, places, deliver)

        request = self._request(ids, decoding, room)
        if decoding.temperature == 0:  # all seeds give the same tokens
            return [self._add(request, ask.seeds[0], decoding, to(range(len(ask.seeds))))]
        return [self._add(request, s, decoding, to(range(i, i + 1))) for i, s in enumerate(ask.seeds)]

    def tokens(self, requests: Sequence[Request], decoding: Decoding) -> list[list[Completion]]:
        """Return completions of every request, in order, as tokens with the log-probs of their draws.

        No other sample may be running. ``token_entropies`` are unknown, and empty.

        Raises:
            ValueError: a prompt has no token or no room for one, or vLLM refuses a setting.
            RuntimeError: vLLM aborted a sample.
        """
        completions: dict[tuple[int, int], Completion] = {}

        def at(place: tuple[int, int]) -> Callable[[_Draw, str], None]:
            def keep(draw: _Draw, reason: str) -> None:
                completions[place] = _completion(draw.sums, _ended_well(reason))

            return keep

        for number, request in enumerate(requests):
            room = min(decoding.max_new_tokens, self._context - len(request.prompt_ids))
            if not request.prompt_ids or room < 1:
                raise ValueError(f"a prompt of {len(request.prompt_ids)} tokens has none, or leaves no room for one")
            engine_request = self._request(request.prompt_ids, decoding, room)
            for index, seed in enumerate(request.seeds):
                self._add(engine_request, seed, decoding, at((number, index)), keep=True)
        while self.live:
            self.step()
        return [[completions[number, k] for k in range(len(request.seeds))] for number, request in enumerate(requests)]

    def forget(self) -> None:
        """Clear the prefix cache: its keys and values belong to the previous adapter."""
        self._vllm.reset_prefix_cache()

    def _request(self, ids: Sequence[int], decoding: Decoding, room: int) -> EngineCoreRequest:
        from vllm.sampling_params import SamplingParams

        params = SamplingParams(
            temperature=decoding.temperature,
            top_p=decoding.top_p,
            max_tokens=room,
            logprobs=decoding.entropy_top_k,
            stop_token_ids=self._stops,
            ignore_eos=True,  # the ids above are all there are
            detokenize=False,
        )
        prompt = {"type": "token", "prompt_token_ids": list(ids)}
        tasks = self._vllm.get_supported_tasks()
        return self._vllm.input_processor.process_inputs("-", prompt, params, tasks, lora_request=self._adapter)

    def _add(
        self,
        request: EngineCoreRequest,
        seed: int,
        decoding: Decoding,
        finish: Callable[[_Draw, str], None],
        keep: bool = False,
    ) -> str:
        child = copy(request)
        child.request_id = child.external_req_id = str(next(self._serial))
        child.sampling_params = copy(request.sampling_params)
        child.sampling_params.seed = seed & _SEED_BITS
        sums = Sums(decoding.entropy_top_k, [] if keep else None)
        self._draws[child.request_id] = _Draw(sums, StopStrings(self._tokenizer, decoding.stop), finish)
        self._vllm.engine_core.add_request(child)
        return str(child.request_id)

    def step(self) -> None:
        """Run the model once, if there are samples; deliver those that have ended.

        Raises:
            RuntimeError: vLLM aborted a sample.
        """
        outputs = [o for o in self._vllm.engine_core.get_output().outputs if o.request_id in self._draws]
        # Straight from the engine's core: vLLM's own output objects would keep every token's log-probs to the end.
        fresh = [o for o in outputs if o.new_token_ids]
        sums = [self._draws[o.request_id].sums for o in fresh]
        add_rows(sums, [o.new_token_ids for o in fresh], [o.new_logprobs.logprobs for o in fresh])
        ended = [o.request_id for o in fresh if o.finish_reason is None and self._said(self._draws[o.request_id])]
        if ended:  # vLLM looks for stop strings in text alone, which is not made here
            self._vllm.engine_core.abort_requests(ended)
        for output in outputs:
            reason = "stop" if output.request_id in ended else output.finish_reason
            if reason is not None:
                draw = self._draws.pop(output.request_id)
                draw.finish(draw, str(reason))

    def _said(self, draw: _Draw) -> bool:
        return draw.stops.end(draw.sums.token_ids)

    def _deliver(self, draw: _Draw, reason: str, places: range, deliver: Callable[[int, Reply], None]) -> None:
        sums = draw.sums
        text = text_of(sums.token_ids, draw.stops, self._stops)
        reply = Reply(text, _ended_well(reason), sums.mean_nll, sums.mean_entropy, len(sums.token_ids))
        for place in places:
            deliver(place, reply)

    def abort(self, names: Sequence[str]) -> None:
        """Drop samples that are no longer needed; finished ones are ignored."""
        running = [name for name in names if self._draws.pop(name, None) is not None]
        self._vllm.engine_core.abort_requests(running)

    def close(self) -> None:
        """Free the engine's memory."""
        self._vllm.engine_core.shutdown()
        self._vllm = None


def _ended_well(reason: str) -> str:
    if reason not in ("stop", "length"):
        raise RuntimeError(f"vLLM gave up a sample ({reason}); run the same command again: finished shards are kept")
    return reason


def _completion(sums: Sums, reason: str) -> Completion:
    nothing = np.zeros(0, dtype=np.float32)
    log_probs = np.array(sums.log_probs, dtype=np.float32)
    return Completion(np.array(sums.token_ids, dtype=np.int64), reason, log_probs, nothing)


class _Held:
    """The process's cached engine: stages call once per task, and loading takes minutes."""

    key: tuple[ModelRef, Runtime, int | None, int] | None = None
    machine: VllmMachine | None = None


def _let_go() -> None:
    if _Held.machine is not None:
        _Held.machine.close()
    _Held.key = _Held.machine = None
    gc.collect()  # parts of an engine refer to one another; their memory is wanted now
    torch.cuda.empty_cache()  # asks nothing of CUDA where it was not in use: that would fix the visible GPUs too early


def machine_for(ref: ModelRef, runtime: Runtime, max_model_len: int | None) -> VllmMachine:
    """Return the engine of this process for ``ref``, with its adapter active.

    For another base model, or for an adapter on an engine started without one, the old engine is ended and a new one
    started.

    Raises:
        OSError: vLLM, the model or its adapter is missing; with the remedy.
        ValueError: vLLM cannot serve this model with these settings; with the remedy.
    """
    key = (replace(ref, adapter=None), runtime, max_model_len, lora_rank(ref.adapter))
    if _Held.machine is None or _Held.key != key:
        _let_go()
        _Held.machine = VllmMachine(ref, runtime, max_model_len)
        _Held.key = key
    _Held.machine.wear(ref)
    return _Held.machine
