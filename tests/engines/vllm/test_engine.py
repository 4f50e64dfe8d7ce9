"""The real engine, on a CPU: it agrees with transformers, keeps its seeds, wears adapters and leaves nothing behind."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from peft import LoraConfig
from scipy.stats import chisquare
from transformers import LlamaConfig

from conself.datasets.minipy import MiniPy
from conself.engines.decoding import Decoding
from conself.engines.engine import Ask
from conself.engines.transformers.engine import Runtime as TransformersRuntime
from conself.engines.transformers.engine import TransformersEngine
from conself.engines.transformers.ledger import Completion, Request
from conself.engines.vllm.engine import VllmEngine
from conself.engines.vllm.start import LORA_RANKS, Runtime
from conself.executors.local import LocalExecutor
from conself.models.transformers import load_policy, load_tokenizer, stop_token_ids, with_lora
from conself.prompts.prompts import Prompts, program_messages, render
from conself.records import Candidate, ModelRef, Problem
from conself.samplers.direct import Direct
from conself.samplers.guided import Guided
from conself.samplers.sampler import Asking
from tests.engines.tiny_models import build, byte_tokenizer, generate
from tests.engines.vllm.child import Ending, draw, gpus_of_two_engines, lora_ranks, read_ahead, tokens

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(
        importlib.util.find_spec("vllm") is None, reason="vLLM is not installed: make test installs it for CPUs"
    ),
]
CHECKPOINT = str(files("conself.minipy") / "checkpoint")
MINIPY = ModelRef(CHECKPOINT, None, None, "float32", "sdpa", None)
RUNTIME = Runtime(1, 20, 1, 0.5, 0.125, 48, True, "ERROR")
PROMPTS = Prompts(
    system=None,
    observe="{statement}\n{starter_code}\nObserve {n}",
    program="{statement}\n{starter_code}",
    guided="{statement}\n{starter_code}\nHint: {observation}",
)
SETTINGS = {"entropy_top_k": 15, "seed": 3, "prompts": PROMPTS}
ENGINE = VllmEngine(max_model_len=None, runtime=RUNTIME)
GUIDED = Guided(3, 5, 0.7, 0.8, 1.0, 1.0, 64, 48, **SETTINGS)
DIRECT = Direct(1, 0.0, 1.0, 64, **SETTINGS)
SAMPLER, DECODER = Asking(GUIDED, ENGINE), Asking(DIRECT, ENGINE)
GREEDY = Decoding(0.0, 1.0, 64, 15)
TRANSFORMERS = TransformersEngine(TransformersRuntime(64, "cpu", 1, 1, 1))
REFERENCE = Asking(DIRECT, TRANSFORMERS)
PROBLEMS = list(MiniPy("validation", 24, 0)())


@pytest.fixture(scope="module")
def workers() -> Iterator[LocalExecutor]:
    with LocalExecutor(1) as one:
        yield one


def candidates(workers: LocalExecutor, part: Any, problems: list[Problem], ref: ModelRef) -> list[list[Candidate]]:
    return list(workers.run(draw, [(part, problems, ref)]))


def texts(pools: list[list[Candidate]]) -> list[list[tuple[str | None, str, int, str]]]:
    return [[(c.observation, c.text, c.n_tokens, c.finish_reason) for c in pool] for pool in pools]


def reference(ref: ModelRef, problems: list[Problem], drawn: Decoding) -> tuple[list[Ask], list[list[Completion]]]:
    model, tokenizer = load_policy(ref, "cpu"), load_tokenizer(ref)
    asks = [Ask(program_messages(PROMPTS, problem, None), (0,)) for problem in problems]
    ids = [tuple(tokenizer(render(tokenizer, a.messages), add_special_tokens=False)["input_ids"]) for a in asks]
    return asks, generate(model, [Request(i, (0,)) for i in ids], drawn, stop_token_ids(model, tokenizer), 64)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    folder = tmp_path_factory.mktemp("llama")
    shape = {"vocab_size": 260, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "eos_token_id": 0}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 256, "bos_token_id": None}
    build(LlamaConfig(**shape, **heads, initializer_range=0.4)).save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return replace(MINIPY, name=str(folder))


@pytest.mark.parametrize("name", ["minipy", pytest.param("llama", marks=pytest.mark.slow)])
def test_greedy_tokens_logprobs_and_entropies_are_those_of_transformers(
    workers: LocalExecutor, llama: ModelRef, name: str
) -> None:
    ref = {"minipy": MINIPY, "llama": llama}[name]
    asks, expected = reference(ref, PROBLEMS, GREEDY)
    (*drawn,) = workers.run(tokens, [(asks, GREEDY, ref, RUNTIME)])
    total = 0
    for ((ids, logprobs, entropies),), (completion,) in zip(drawn, expected, strict=True):
        assert ids == completion.token_ids.tolist()
        np.testing.assert_allclose(logprobs, completion.token_logprobs, atol=1e-3, rtol=0)
        np.testing.assert_allclose(entropies, completion.token_entropies, atol=1e-3, rtol=0)
        total += len(ids)
    assert total > 10 * len(PROBLEMS)


def test_greedy_answers_are_the_candidates_of_transformers(workers: LocalExecutor) -> None:
    ours, theirs = candidates(workers, DECODER, PROBLEMS, MINIPY), list(REFERENCE(PROBLEMS, MINIPY))
    assert texts(ours) == texts(theirs)
    assert [g[0].code for g in ours] == [g[0].code for g in theirs]
    for (our,), (their,) in zip(ours, theirs, strict=True):
        assert our.mean_nll == pytest.approx(their.mean_nll, abs=1e-3)
        assert our.mean_token_entropy == pytest.approx(their.mean_token_entropy, abs=1e-3)
        assert our.entropy_top_k == 15


def test_a_stop_string_ends_an_answer_as_in_transformers(workers: LocalExecutor) -> None:
    ending = Ending(PROMPTS.system, PROMPTS.observe, PROMPTS.program, PROMPTS.guided)
    stopped = replace(DIRECT, prompts=ending)
    ours = candidates(workers, Asking(stopped, ENGINE), PROBLEMS, MINIPY)
    assert texts(ours) == texts(list(Asking(stopped, TRANSFORMERS)(PROBLEMS, MINIPY)))
    whole = list(REFERENCE(PROBLEMS, MINIPY))
    assert [our.text for (our,) in ours] == [free.text.partition("\n    return")[0] for (free,) in whole]
    assert sum(our.n_tokens < free.n_tokens for (our,), (free,) in zip(ours, whole, strict=True)) > 10


def test_greedy_observations_and_programs_go_the_same_way_as_in_transformers(workers: LocalExecutor) -> None:
    greedy = replace(GUIDED, observation_temperature=0.0, program_temperature=0.0)
    pools = candidates(workers, Asking(greedy, ENGINE), PROBLEMS[:8], MINIPY)
    assert texts(pools) == texts(list(Asking(greedy, TRANSFORMERS)(PROBLEMS[:8], MINIPY)))
    assert {c.observation is None for pool in pools for c in pool} <= {True, False}
    assert any(c.observation is not None for pool in pools for c in pool)
    assert all(len({c.text for c in pool[i : i + 5]}) == 1 for pool in pools for i in (0, 5, 10))


@pytest.mark.slow
def test_samples_keep_their_seed_whatever_is_drawn_beside_them(workers: LocalExecutor) -> None:
    everything = candidates(workers, SAMPLER, PROBLEMS, MINIPY)
    assert [[(c.problem_id, c.index) for c in pool] for pool in everything] == [
        [(problem.id, index) for index in range(15)] for problem in PROBLEMS
    ]
    same = [
        a.text == b.text
        for others in (
            candidates(workers, SAMPLER, PROBLEMS, MINIPY),
            candidates(workers, SAMPLER, PROBLEMS[::-1], MINIPY)[::-1],
            [pool for problem in PROBLEMS[:4] for pool in candidates(workers, SAMPLER, [problem], MINIPY)],
        )
        for pool, other in zip(everything, others, strict=False)
        for a, b in zip(pool, other, strict=True)
    ]
    # Neighbours can move a logit's last bits; in float32 that changes next to no token.
    assert np.mean(same) > 0.99
    assert len({c.text for pool in everything for c in pool}) > 5 * len(PROBLEMS)
    other_seed = candidates(workers, Asking(replace(GUIDED, seed=4), ENGINE), PROBLEMS, MINIPY)
    assert (
        np.mean(
            [a.text == b.text for p, q in zip(everything, other_seed, strict=True) for a, b in zip(p, q, strict=True)]
        )
        < 0.9
    )


@pytest.mark.slow
def test_answers_do_not_depend_on_how_many_are_asked_for(workers: LocalExecutor) -> None:
    drawn = replace(DIRECT, n=2, temperature=0.8, top_p=0.95)
    two = candidates(workers, Asking(drawn, ENGINE), PROBLEMS[:6], MINIPY)
    four = candidates(workers, Asking(replace(drawn, n=4), ENGINE), PROBLEMS[:6], MINIPY)
    assert [[c.index for c in pool] for pool in four] == [[0, 1, 2, 3]] * 6
    assert texts(two) == [pool[:2] for pool in texts(four)]


def test_prompts_that_one_step_cannot_all_read_keep_their_seeds(workers: LocalExecutor, llama: ModelRef) -> None:
    """48 prompts of over 150 tokens: vLLM for CPUs reads 4,096 tokens in a step, and would cut one in two."""
    problems = [Problem(f"p{i}", f"{i:03d} " + "add it up " * 14, "", "f", ("(1,)",), "test", "") for i in range(48)]
    asks = [Ask(program_messages(PROMPTS, problem, None), (i,)) for i, problem in enumerate(problems)]
    drawn = Decoding(1.0, 1.0, 8, 15)
    (*together,) = workers.run(tokens, [(asks, drawn, llama, RUNTIME)])
    assert len(together) == 48
    for number in (0, 26, 27, 47):
        (alone,) = workers.run(tokens, [([asks[number]], drawn, llama, RUNTIME)])
        assert [ids for ids, _, _ in alone] == [ids for ids, _, _ in together[number]]


def first_token_probabilities(ref: ModelRef, ask: Ask) -> np.ndarray:
    model, tokenizer = load_policy(ref, "cpu"), load_tokenizer(ref)
    inputs = tokenizer(render(tokenizer, ask.messages), add_special_tokens=False, return_tensors="pt")
    with torch.inference_mode():
        return np.asarray(model(inputs["input_ids"]).logits[0, -1].double())


@pytest.mark.slow
def test_first_tokens_follow_the_models_distribution_and_its_nucleus(workers: LocalExecutor, llama: ModelRef) -> None:
    ask = Ask(program_messages(PROMPTS, PROBLEMS[0], None), tuple(range(3000)))
    logits = first_token_probabilities(llama, ask)
    ((*drawn,),) = workers.run(tokens, [([ask], Decoding(1.0, 1.0, 1, 15), llama, RUNTIME)])
    expected = np.exp(logits - np.logaddexp.reduce(logits)) * 3000
    counts = np.bincount([ids[0] for ids, _, _ in drawn], minlength=len(expected))
    common = expected >= 5
    observed = np.append(counts[common], counts[~common].sum())
    assert chisquare(observed, np.append(expected[common], expected[~common].sum())).pvalue > 1e-3
    ((*drawn,),) = workers.run(tokens, [([ask], Decoding(0.7, 0.8, 1, 15), llama, RUNTIME)])
    tempered = np.exp(logits / 0.7 - np.logaddexp.reduce(logits / 0.7))
    order = np.argsort(-tempered)
    size = int(np.searchsorted(np.cumsum(tempered[order]), 0.8)) + 1
    assert {ids[0] for ids, _, _ in drawn} == set(order[:size].tolist())
    # Log-probabilities stay those of the untempered, untruncated distribution.
    for ids, logprobs, _ in drawn[:20]:
        assert logprobs[0] == pytest.approx(logits[ids[0]] - np.logaddexp.reduce(logits), abs=1e-3)


@pytest.mark.slow
def test_prompts_near_and_past_the_context(workers: LocalExecutor) -> None:
    tokenizer = load_tokenizer(MINIPY)
    lengths: dict[int, Problem] = {}
    for words in range(400, 560):
        problem = replace(PROBLEMS[0], id=f"long{words}", statement="x" + " x" * words)
        prompt = render(tokenizer, program_messages(PROMPTS, problem, None))
        lengths[len(tokenizer(prompt, add_special_tokens=False)["input_ids"])] = problem
    context = 512
    chosen = [lengths[min(lengths, key=lambda n: abs(n - wanted))] for wanted in (context - 5, context, context + 30)]
    ours, theirs = candidates(workers, DECODER, [*chosen, PROBLEMS[1]], MINIPY), list(REFERENCE(chosen, MINIPY))
    assert texts(ours)[:3] == texts(theirs)
    assert [(c.finish_reason, c.n_tokens, c.text, c.mean_nll) for c in ours[2]] == [("length", 0, "", None)]
    assert 0 < ours[0][0].n_tokens <= 6
    assert ours[3][0].n_tokens > 6
    short = Asking(DIRECT, replace(ENGINE, max_model_len=64))
    assert candidates(workers, short, chosen[:1], MINIPY)[0][0].finish_reason == "length"


def test_problems_are_read_as_needed_and_nothing_runs_on_for_a_reader_that_left(workers: LocalExecutor) -> None:
    ((read, live),) = workers.run(read_ahead, [(SAMPLER, PROBLEMS[0], MINIPY)])
    assert 1 < read <= 16 * RUNTIME.max_num_seqs / 15 + 2
    assert live == 0


@pytest.mark.slow
def test_data_parallel_engines_see_gpus_of_their_own_and_draw_the_same(
    workers: LocalExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")  # names only: the engine of this test runs on the CPU
    part = Asking(GUIDED, replace(ENGINE, runtime=replace(RUNTIME, processes=2, tensor_parallel=1)))
    with LocalExecutor(2) as two:
        tasks = [(part, PROBLEMS[i::2], MINIPY) for i in (0, 1)]
        seen = dict(two.run(gpus_of_two_engines, tasks))
        drawn = {pool[0].problem_id: pool for pool in two.run(draw, tasks)}
    assert all(gpus == [str(4 + index)] * 2 for index, gpus in seen.items())
    assert len(drawn) == len(PROBLEMS)
    alone = candidates(workers, SAMPLER, PROBLEMS, MINIPY)
    pairs = zip([drawn[problem.id] for problem in PROBLEMS], alone, strict=True)
    assert np.mean([a.text == b.text for p, q in pairs for a, b in zip(p, q, strict=True)]) > 0.99


def adapter(folder: Path, seed: int, rooted: bool) -> ModelRef:
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", use_rslora=rooted)
    policy = with_lora(load_policy(MINIPY, "cpu"), config, seed)
    torch.manual_seed(seed)
    for name, parameter in policy.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.05)
    policy.save_pretrained(folder)
    return replace(MINIPY, adapter=str(folder))


def test_an_adapter_is_worn_without_merging(workers: LocalExecutor, tmp_path: Path) -> None:
    base = texts(candidates(workers, DECODER, PROBLEMS, MINIPY))
    seen = []
    for seed, rooted in (
        (1, False),
        (2, True),
    ):  # another adapter in the same folder
        tuned = adapter(tmp_path, seed, rooted)
        seen.append(texts(candidates(workers, DECODER, PROBLEMS, tuned)))
        merged = replace(tuned, adapter=str(shutil.copytree(tmp_path, tmp_path.with_name(f"{tmp_path.name}-{seed}"))))
        assert seen[-1] == texts(list(REFERENCE(PROBLEMS, merged)))
    assert base != seen[0] != seen[1]
    assert texts(candidates(workers, DECODER, PROBLEMS, MINIPY)) == base


def test_the_ranks_are_vllms(workers: LocalExecutor) -> None:
    assert list(workers.run(lora_ranks, [()])) == [LORA_RANKS]


def copy_of_minipy(folder: Path, **changed: dict[str, Any]) -> ModelRef:
    shutil.copytree(CHECKPOINT, folder)
    for name, values in changed.items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | values))
    return replace(MINIPY, name=str(folder))


@pytest.mark.slow
def test_the_models_own_sampling_settings_stay_out(workers: LocalExecutor, tmp_path: Path) -> None:
    own = {"temperature": 0.01, "top_k": 1, "top_p": 0.1, "repetition_penalty": 5.0, "do_sample": True}
    ref = copy_of_minipy(tmp_path / "model", generation_config=own)
    assert texts(candidates(workers, DECODER, PROBLEMS, ref)) == texts(candidates(workers, DECODER, PROBLEMS, MINIPY))
    hot = Asking(replace(DIRECT, n=4, temperature=1.0), ENGINE)
    pools = candidates(workers, hot, PROBLEMS, ref)
    assert sum(len({c.text for c in pool}) for pool in pools) > 1.5 * len(pools)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("runtime", "longest", "ref", "told"),
    [
        ({"kv_cache_gib": 1e-5}, None, {}, "lower max_model_len"),
        ({"kv_cache_gib": 1e5}, None, {}, "or runtime.kv_cache_gib"),
        ({}, 100_000, {}, "set max_model_len to null"),
        ({"tensor_parallel": 3}, None, {}, "a divisor of"),
        ({}, None, {"name": "/nowhere/model"}, "model.name"),
    ],
)
def test_start_up_errors_are_one_line_with_a_remedy(
    workers: LocalExecutor, runtime: dict[str, Any], longest: int | None, ref: dict[str, Any], told: str
) -> None:
    part = Asking(DIRECT, VllmEngine(longest, replace(RUNTIME, **runtime)))
    with pytest.raises((ValueError, OSError), match=told) as caught:
        candidates(workers, part, PROBLEMS[:1], replace(MINIPY, **ref))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.slow
def test_an_architecture_that_vllm_does_not_know(workers: LocalExecutor, tmp_path: Path) -> None:
    ref = copy_of_minipy(tmp_path / "model", config={"architectures": ["UnheardOfForCausalLM"]})
    with pytest.raises(ValueError, match="engine=transformers") as caught:
        candidates(workers, DECODER, PROBLEMS[:1], ref)
    assert "\n" not in str(caught.value)
    assert candidates(workers, DECODER, PROBLEMS[:1], MINIPY)  # and the process can go on


PROGRAM = """
    import sys
    from itertools import cycle
    from pathlib import Path

    sys.path.insert(0, {folder!r})
    from conself.executors.local import LocalExecutor
    from tests.engines.vllm.test_engine import DECODER, MINIPY, PROBLEMS
    from tests.engines.vllm.child import draw

    def main():
        with LocalExecutor(1) as workers:
            for _ in workers.run(draw, [(DECODER, PROBLEMS * 100000, MINIPY)]):
                print("drawing", flush=True)

    if __name__ == "__main__":
        main()
"""


@pytest.mark.slow
def test_kill_9_of_the_main_process_ends_the_engine(tmp_path: Path) -> None:
    script = tmp_path / "main.py"
    script.write_text(textwrap.dedent(PROGRAM.format(folder=str(Path(__file__).parents[3]))))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, env=environment, text=True) as main:
        assert main.stdout is not None
        assert main.stdout.readline() == "drawing\n"
        children = psutil.Process(main.pid).children(recursive=True)
        assert any(child.memory_info().rss > 300 << 20 for child in children)
        os.kill(main.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children):
        assert time.monotonic() < deadline, [child.cmdline() for child in children if child.is_running()]
        time.sleep(0.05)
