"""Tokens per second of our sampler against model.generate called problem by problem, side by side in one run.

Both complete the same prompts with the same model and settings on one thread. The two take turns, prompt group by
prompt group, so that a busy machine slows both alike; the figure is the ratio.
"""

import argparse
import json
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from transformers import GenerationConfig, PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

import conself
from conself.engines.decoding import Decoding, sample_seed
from conself.engines.transformers.generation import stream
from conself.engines.transformers.ledger import Completion, Request
from conself.models.transformers import load_policy, load_tokenizer, stop_token_ids
from conself.records import ModelRef
from conself.runtime.console import new_console
from conself.runtime.places import check_file
from conself.runtime.progress import Meter
from conself.sandbox.terminal import answer_interrupts

SEED = 0
SAMPLES = 15  # per prompt, the paper's K
SETTINGS = Decoding(temperature=1.0, top_p=1.0, max_new_tokens=160, entropy_top_k=15)
BATCH_SIZE = 256
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Subject:
    """A model with prompts for it."""

    name: str
    model: PreTrainedModel
    prompts: list[tuple[int, ...]]
    stop_ids: tuple[int, ...]


@dataclass(frozen=True)
class Spent:
    """Tokens made and the processor seconds they took."""

    tokens: int
    seconds: float


def embedded(count: int) -> Subject | None:
    """The embedded seed model on prompts of its own kind, or None where it has not been made."""
    folder = Path(conself.__file__).parent / "minipy" / "checkpoint"
    if not (folder / "config.json").is_file():
        return None
    ref = ModelRef(str(folder), None, None, "float32", "sdpa", None)
    model, tokenizer = load_policy(ref, "cpu"), load_tokenizer(ref)
    words = ["Return", "the", "sum", "of", "squares", "values", "list", "largest", "reverse", "sorted", "even", "then"]
    rng = np.random.default_rng(SEED)
    prompts = []
    for _ in range(count):
        statement = " ".join(rng.choice(words, rng.integers(8, 24))) + ".\ndef f(xs):"
        chat = [{"role": "user", "content": statement}]
        text = tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        prompts.append(tuple(tokenizer(text, add_special_tokens=False)["input_ids"]))
    return Subject("minipy", model, prompts, stop_token_ids(model, tokenizer))


def random_weights(count: int) -> Subject:
    """A random model of the embedded one's shape; 22 of its 1,024 tokens end a completion, after 46 on average."""
    config = Qwen2Config(
        vocab_size=1024,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
    )
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    prompts = [tuple(int(t) for t in rng.integers(22, 1024, rng.integers(30, 60))) for _ in range(count)]
    return Subject("random weights", Qwen2ForCausalLM(config).eval(), prompts, tuple(range(22)))


def ours(subject: Subject, prompts: Sequence[tuple[int, ...]], batch_size: int) -> tuple[Spent, list[Completion]]:
    """Our sampler on a group of prompts."""
    requests = [
        Request(prompt, tuple(sample_seed(SEED, "sample", str(prompt), k) for k in range(SAMPLES)))
        for prompt in prompts
    ]
    start = time.process_time()
    groups = list(stream(subject.model, requests, SETTINGS, subject.stop_ids, batch_size))
    seconds = time.process_time() - start
    completions = [completion for group in groups for completion in group]
    return Spent(sum(len(c.token_ids) for c in completions), seconds), completions


def naive(subject: Subject, prompts: Sequence[tuple[int, ...]]) -> Spent:
    """``model.generate`` with ``num_return_sequences``, one prompt after another, with no figures taken."""
    config = GenerationConfig(
        do_sample=True,
        temperature=SETTINGS.temperature,
        top_p=SETTINGS.top_p,
        top_k=0,
        max_new_tokens=SETTINGS.max_new_tokens,
        num_return_sequences=SAMPLES,
        eos_token_id=list(subject.stop_ids),
        pad_token_id=subject.stop_ids[0],
    )
    model: Any = subject.model  # transformers gives generate a type that no model has
    tokens = 0
    start = time.process_time()
    for prompt in prompts:
        ids = torch.tensor([prompt])
        with torch.inference_mode():
            out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)
        tokens += sum(_length(row, subject.stop_ids) for row in out[:, len(prompt) :].tolist())
    return Spent(tokens, time.process_time() - start)


def _length(row: list[int], stop_ids: Sequence[int]) -> int:
    return next((place + 1 for place, token in enumerate(row) if token in stop_ids), len(row))


def same_bits(left: Sequence[Completion], right: Sequence[Completion]) -> bool:
    """Equal tokens, log-probabilities and entropies, to the last bit."""
    return all(
        np.array_equal(a.token_ids, b.token_ids)
        and np.array_equal(a.token_logprobs, b.token_logprobs)
        and np.array_equal(a.token_entropies, b.token_entropies)
        for a, b in zip(left, right, strict=True)
    )


def measure(subject: Subject, group: int) -> dict[str, object]:
    """Both ways over all prompts, in turns of ``group`` prompts; the first group once more beforehand, untimed."""
    _, wide = ours(subject, subject.prompts[:group], BATCH_SIZE)
    _, narrow = ours(subject, subject.prompts[:group], 37)
    naive(subject, subject.prompts[:2])
    rounds = []
    with Meter(new_console(stderr=True), "both ways", len(subject.prompts), "prompts", "prompts") as meter:
        for start in range(0, len(subject.prompts), group):
            prompts = subject.prompts[start : start + group]
            rounds.append((ours(subject, prompts, BATCH_SIZE)[0], naive(subject, prompts)))
            meter.add(len(prompts))
    rates = np.array([[spent.tokens / spent.seconds for spent in pair] for pair in rounds])
    totals = [(sum(p[i].tokens for p in rounds), sum(p[i].seconds for p in rounds)) for i in (0, 1)]
    mine, theirs = (tokens / seconds for tokens, seconds in totals)
    return {
        "model": subject.name,
        "parameters": subject.model.num_parameters(),
        "kv_heads": subject.model.config.num_key_value_heads,
        "prompts": len(subject.prompts),
        "mean_prompt_tokens": round(float(np.mean([len(p) for p in subject.prompts])), 1),
        "mean_new_tokens": round(totals[0][0] / (len(subject.prompts) * SAMPLES), 1),
        "tokens_per_cpu_second": {"conself": round(mine), "generate": round(theirs)},
        "ratio": round(mine / theirs, 2),
        "ratio_by_round": [round(float(a / b), 2) for a, b in rates],
        "same_bits_at_batch_sizes_256_and_37": same_bits(wide, narrow),
    }


def main() -> None:
    """Measure, print, and write results.json beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--group", type=int, default=50)
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    args = parser.parse_args()
    answer_interrupts()
    try:
        check_file(args.out, "--out")
    except OSError as error:
        parser.error(str(error))
    torch.set_num_threads(1)
    result = measure(embedded(args.prompts) or random_weights(args.prompts), args.group)
    result |= {
        "samples_per_prompt": SAMPLES,
        "batch_size": BATCH_SIZE,
        "max_new_tokens": SETTINGS.max_new_tokens,
        "seed": SEED,
        "threads": 1,
        "machine": platform.machine(),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "numpy": np.__version__},
    }
    args.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
