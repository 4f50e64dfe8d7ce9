"""vLLM beside transformers with real weights in bfloat16: how far log-probs differ, with and without an adapter."""

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig

from conself.engines.decoding import Decoding
from conself.engines.engine import Engine
from conself.engines.transformers.engine import Runtime as TransformersRuntime
from conself.engines.transformers.engine import TransformersEngine
from conself.engines.transformers.ledger import Completion, Request
from conself.engines.vllm.engine import VllmEngine
from conself.engines.vllm.start import Runtime
from conself.executors.local import LocalExecutor
from conself.models.transformers import load_policy, load_tokenizer, with_lora
from conself.online.canary import GREEDY, Canary, Listener
from conself.records import ModelRef

WEIGHTS = Path(__file__).parents[3] / "weights" / "qwen2_5_coder_0_5b" / "model.gguf"
pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(not WEIGHTS.is_file(), reason="`make weights` has not been run"),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]
ASKS = (
    "Write a Python function is_prime(n).",
    "Write a function that reverses the words of a sentence.",
    "Return the two largest numbers of a list, in order.",
    "Parse a roman numeral into an integer.",
    "Write a function merge(a, b) of sorted lists.",
    "Count the vowels of a text.",
    "Write fib(n) iteratively.",
    "Flatten a nested list.",
)
FORTY = Decoding(temperature=0.0, top_p=1.0, max_new_tokens=40, entropy_top_k=1)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    """The weights unpacked into a folder, as vLLM reads no GGUF files of ours."""
    folder = tmp_path_factory.mktemp("real")
    packed = ModelRef(str(WEIGHTS), None, None, "bfloat16", "sdpa", None)
    load_policy(packed, "cpu").save_pretrained(folder)
    load_tokenizer(packed).save_pretrained(folder)
    return replace(packed, name=str(folder))


@pytest.fixture(scope="module")
def adapter(model: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A LoRA adapter that changes something: a new one has zeros for one of its factors."""
    torch.manual_seed(0)
    lora = LoraConfig(r=16, lora_alpha=32, target_modules=["q_proj", "v_proj"])
    tuned = with_lora(load_policy(model, "cpu"), lora, seed=0)
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            weight.data.normal_(std=0.02)
    folder = tmp_path_factory.mktemp("adapter")
    tuned.save_pretrained(folder)
    return str(folder)


def drawn(engine: Engine, model: ModelRef, requests: list[Request]) -> Iterator[list[Completion]]:
    yield from engine.tokens(requests, FORTY, model)


def heard(engine: Engine, model: ModelRef, canary: Canary) -> Iterator[float]:
    """The canary's own check, in the worker that holds the engine: the mean of what it compared."""
    listener = Listener()
    listener(engine, model, canary)
    assert listener.heard is not None
    yield float(np.abs(np.subtract(*listener.heard)).mean())


def differences(ours: list[list[Completion]], theirs: list[list[Completion]]) -> list[list[float]]:
    """Nats by prompt, up to the first token that differs."""
    found = []
    for (one,), (other,) in zip(ours, theirs, strict=True):
        same = list(takewhile(lambda pair: pair[0] == pair[1], zip(one.token_ids, other.token_ids, strict=False)))
        size = len(same)
        found.append(np.abs(one.token_logprobs[:size] - other.token_logprobs[:size]).tolist())
    return found


def test_log_probs_are_those_of_transformers_up_to_roundings(model: ModelRef, adapter: str) -> None:
    tokenizer = load_tokenizer(model)
    texts = [[{"role": "user", "content": text}] for text in ASKS]
    requests = [
        Request(tuple(tokenizer.apply_chat_template(t, add_generation_prompt=True, return_dict=False)), (0,))
        for t in texts
    ]
    fast = VllmEngine(max_model_len=1024, runtime=Runtime(1, 20, 1, 0.5, 0.5, 16, True, "ERROR"))
    plain = TransformersEngine(TransformersRuntime(64, "cpu", 1, 1, 1))
    tuned = replace(model, adapter=adapter)
    canaries = [
        [Canary(0, request, plain.tokens([request], GREEDY, ref)[0][0]) for request in requests[:3]]
        for ref in (model, tuned)
    ]
    with LocalExecutor(1) as one:
        theirs = [list(one.run(drawn, [(fast, ref, requests)])) for ref in (model, tuned)]
        for ref, told in zip((model, tuned), canaries, strict=True):
            off = [nats for canary in told for nats in one.run(heard, [(fast, ref, canary)])]
            assert max(off) < 0.05, "a healthy engine is not refused"
        with pytest.raises(ValueError, match="draws by other weights"):
            list(one.run(heard, [(fast, model, canaries[1][0])]))
    ours = [list(drawn(plain, ref, requests)) for ref in (model, tuned)]
    for name, mine, its in zip(("base", "adapter"), ours, theirs, strict=True):
        by_prompt = differences(mine, its)
        nats = np.concatenate(by_prompt)
        over = float((nats > 0.05).mean())
        print(f"{name}: {len(nats)} tokens, mean {nats.mean():.4f}, largest {nats.max():.3f}, above .05 {over:.3f}")
        assert len(nats) > 200, "most greedy tokens are the same"
        assert nats.mean() < 0.02
    worn = differences(ours[0], ours[1])
    assert max(map(max, filter(None, worn))) > 0.1, "the adapter changes more than roundings do"
