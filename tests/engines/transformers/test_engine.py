import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from conself.engines.decoding import Decoding, sample_seed
from conself.engines.engine import Demand
from conself.engines.transformers.engine import Runtime, TransformersEngine
from conself.engines.transformers.generation import stream
from conself.engines.transformers.ledger import Request
from conself.models.transformers import load_policy, load_tokenizer
from conself.prompts.few_shot import FewShot, Shots
from conself.prompts.prompts import Prompts, program_messages, render
from conself.records import Candidate, ModelRef, Problem
from conself.samplers.direct import Direct
from conself.samplers.guided import Guided
from conself.samplers.sampler import Asking

PROMPTS = Prompts(system=None, observe="{statement} {n}?", program="{statement}", guided="{statement} {observation}")
GUIDED = Guided(
    n_observations=2,
    programs_per_observation=3,
    observation_temperature=0.7,
    observation_top_p=0.8,
    program_temperature=1.0,
    program_top_p=1.0,
    max_new_tokens=24,
    max_observation_tokens=12,
    entropy_top_k=15,
    seed=3,
    prompts=PROMPTS,
)
RUNTIME = Runtime(batch_size=20, device="cpu", processes=1, shards_per_task=1, threads=1)
SAMPLER = Asking(GUIDED, TransformersEngine(RUNTIME))


def problems(count: int) -> list[Problem]:
    return [Problem(f"p{i}", f"add {i} to " + "x" * i, "", "f", ("(1,)",), "test", "easy") for i in range(count)]


def texts(pools: Iterator[list[Candidate]]) -> list[list[tuple[str | None, str, int]]]:
    return [[(c.observation, c.text, c.n_tokens) for c in pool] for pool in pools]


def test_candidates_per_problem_in_order(model_ref: ModelRef) -> None:
    pools = list(SAMPLER(problems(5), model_ref))
    assert [[c.problem_id for c in pool] for pool in pools] == [[f"p{i}"] * 6 for i in range(5)]
    assert [[c.index for c in pool] for pool in pools] == [list(range(6))] * 5
    for candidate in (c for pool in pools for c in pool):
        assert 1 <= candidate.n_tokens <= 24
        assert candidate.mean_nll is not None
        assert candidate.mean_nll > 0
        assert candidate.mean_token_entropy is not None
        assert candidate.mean_token_entropy >= 0
        assert candidate.entropy_top_k == 15
        assert "<|end|>" not in candidate.text


def test_a_base_model_answers_exemplars_without_a_chat_template(model_ref: ModelRef, tmp_path: Path) -> None:
    """What it reads is the text itself, and the draws are those of that text."""
    shutil.copytree(model_ref.name, tmp_path / "base", ignore=shutil.ignore_patterns("chat_template.jinja"))
    base = replace(model_ref, name=str(tmp_path / "base"))
    with pytest.raises(ValueError, match=r"no chat template; .* set prompts=fewshot"):
        list(SAMPLER(problems(1), base))
    shots = Shots("{statement}, {n}:\n", "{statement}:\n", "{statement} {observation}:\n", exemplars=[])
    few = Direct(6, 1.0, 1.0, 24, 15, 3, FewShot("#", "{starter_code}", shots, shots))
    (group,) = Asking(few, SAMPLER.engine)(problems(1), base)
    tokenizer, model = load_tokenizer(base), load_policy(base, "cpu")
    ids = tokenizer("#\nadd 0 to:\n")["input_ids"]
    seeds = tuple(sample_seed(3, "answer", "p0", k) for k in range(6))
    (plain,) = stream(model, [Request(tuple(ids), seeds)], Decoding(1.0, 1.0, 24, 15), (0,), 8)
    texts = [tokenizer.decode(c.token_ids, skip_special_tokens=True).partition("\n#\n")[0] for c in plain]
    assert [c.text for c in group] == texts


def test_results_do_not_depend_on_runtime_or_company(model_ref: ModelRef) -> None:
    everything = texts(SAMPLER(problems(7), model_ref))
    narrow = Asking(GUIDED, TransformersEngine(replace(RUNTIME, batch_size=2)))
    assert texts(narrow(problems(7), model_ref)) == everything
    assert texts(SAMPLER(problems(7)[::-1], model_ref))[::-1] == everything
    assert texts(SAMPLER(problems(7)[4:5], model_ref)) == everything[4:5]
    assert texts(Asking(replace(GUIDED, seed=4), SAMPLER.engine)(problems(7), model_ref)) != everything


def test_a_direct_candidate_is_the_direct_prompts_completion(model_ref: ModelRef) -> None:
    (pool,) = SAMPLER(problems(1), model_ref)
    direct = [c for c in pool if c.observation is None]
    assert direct, "a random model writes no list, so the direct prompt fills in"
    model, tokenizer = load_policy(model_ref, "cpu"), load_tokenizer(model_ref)
    prompt = render(tokenizer, program_messages(PROMPTS, problems(1)[0], None))
    ids = tuple(tokenizer(prompt, add_special_tokens=False)["input_ids"])
    seed = sample_seed(3, "sample", "p0", direct[0].index)
    ((completion,),) = stream(model, [Request(ids, (seed,))], Decoding(1.0, 1.0, 24, 15), (0,), 1)
    assert direct[0].n_tokens == len(completion.token_ids)
    assert direct[0].mean_nll == pytest.approx(-completion.token_logprobs.mean(), rel=1e-6)
    shown = [i for i in completion.token_ids.tolist() if i >= 4]
    assert direct[0].text == tokenizer.decode(shown)


def test_problems_are_read_as_needed(model_ref: ModelRef) -> None:
    read: list[str] = []

    def stream() -> Iterator[Problem]:
        for problem in problems(80):
            read.append(problem.id)
            yield problem

    next(SAMPLER(stream(), model_ref))
    assert len(read) < 80


def decoder(n: int, temperature: float) -> Asking:
    return Asking(direct(n, temperature), TransformersEngine(Runtime(16, "cpu", 1, 1, 1)))


def direct(n: int, temperature: float) -> Direct:
    return Direct(n, temperature, 1.0, 24, 15, 3, PROMPTS)


def test_greedy_decoder(model_ref: ModelRef) -> None:
    candidates = [only for (only,) in decoder(1, 0.0)(problems(6), model_ref)]
    assert [(c.problem_id, c.index, c.observation) for c in candidates] == [(f"p{i}", 0, None) for i in range(6)]
    model, tokenizer = load_policy(model_ref, "cpu"), load_tokenizer(model_ref)
    for problem, candidate in zip(problems(6), candidates, strict=True):
        prompt = render(tokenizer, program_messages(PROMPTS, problem, None))
        inputs = tokenizer(prompt, add_special_tokens=False, return_tensors="pt", return_token_type_ids=False)
        ids = model.generate(**inputs, do_sample=False, max_new_tokens=24, eos_token_id=0, pad_token_id=0)
        completion = ids[0, inputs["input_ids"].shape[1] :]
        assert candidate.text == tokenizer.decode(completion, skip_special_tokens=True)
        assert candidate.n_tokens == len(completion)


def test_several_answers_are_drawn_each_with_its_own_seed(model_ref: ModelRef) -> None:
    several = list(decoder(3, 1.0)(problems(4), model_ref))
    assert [[c.index for c in group] for group in several] == [[0, 1, 2]] * 4
    assert len({c.text for group in several for c in group}) > 4
    assert list(decoder(3, 1.0)(reversed(problems(4)), model_ref)) == several[::-1]
    assert list(decoder(2, 1.0)(problems(4), model_ref)) == [group[:2] for group in several]


def test_answers_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(ValueError, match=r"decoder\.n must be at least 1, got 0"):
        decoder(0, 0.0)
    with pytest.raises(ValueError, match=r"would all be the same; set decoder\.temperature"):
        decoder(2, 0.0)


def test_settings_out_of_range_are_named_when_the_part_is_built() -> None:
    with pytest.raises(ValueError, match="n_observations"):
        replace(GUIDED, n_observations=0)
    with pytest.raises(ValueError, match="temperature"):
        replace(GUIDED, program_temperature=-1.0)
    with pytest.raises(ValueError, match="top_p"):
        replace(direct(1, 0.0), top_p=0.0)
    with pytest.raises(ValueError, match="max_new_tokens"):
        replace(direct(1, 0.0), max_new_tokens=0)


@pytest.mark.parametrize("key", ["batch_size", "processes", "shards_per_task"])
def test_a_runtime_that_does_nothing_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=rf"runtime\.{key}.* must be at least 1"):
        replace(RUNTIME, **{key: 0})


def test_the_rows_are_filled_four_times_by_the_problems_of_one_call() -> None:
    """80 samples are those of 14 problems by 6, or of 27 by 3 (rounded up); memory is asked for the longest text."""
    assert (SAMPLER.worth_a_call, Asking(direct(3, 1.0), SAMPLER.engine).worth_a_call) == (14, 27)
    assert (GUIDED.demand, replace(GUIDED, max_observation_tokens=99).demand) == (Demand(6, 24), Demand(6, 99))


def test_yaml_builds_the_engine() -> None:
    node = OmegaConf.load(Path(__file__).parents[3] / "conf" / "engine" / "transformers.yaml")
    engine = instantiate(OmegaConf.create({"executor": {"workers": 2}, "engine": node}).engine)
    assert engine == TransformersEngine(Runtime(None, "auto", 2, 1, None))
    assert engine.runtime.rows == 256
