"""Which engine, sampler, model and training go together: what cannot work is refused before any work."""

import json
from pathlib import Path

import pytest

from conself.evaluate import chosen
from conself.pipelines import evaluation
from conself.pipelines.preference import checks
from tests.test_conf import composed

FILE = "sampler.path=answers.jsonl"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("engine=openai", r"Direct with OpenAIEngine loads no model.*engine@answering=transformers"),
        (
            "sampler@decoder=recorded decoder.path=x",
            "Recorded with Nobody loads no model.*sampler@decoder=direct_greedy",
        ),
        (
            "engine=openai engine@answering=transformers rounds=2",
            r"rounds=2 .* Guided with OpenAIEngine loads no model",
        ),
        (f"sampler=recorded {FILE} rounds=2", r"rounds=2 .* Recorded with Nobody loads no model; .* sampler=guided"),
        ("engine=vllm training=dora", r"vLLM cannot put DoRA adapters on; set training\.export=merged"),
        ("engine=openai engine@answering=vllm training=dora", r"vLLM cannot put DoRA adapters on"),
        ("engine=vllm training.tuning.r=600", "rank 600, vLLM's largest is 512"),
    ],
)
def test_a_training_that_cannot_work(words: str, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        checks.check(composed(*words.split()))


@pytest.mark.parametrize(
    "words",
    [
        "engine=openai engine@answering=transformers",
        "engine=openai engine@answering=vllm",
        "engine=openai benchmark=[none]",
        "engine=vllm sampler=direct",
        f"sampler=recorded {FILE}",
        "sampler=direct rounds=2",
        "engine=vllm training=dora training.export=merged",
    ],
)
def test_a_training_that_can(words: str) -> None:
    checks.check(composed(*words.split()))


def test_an_endpoint_puts_no_adapter_on(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps({"r": 8, "base_model_name_or_path": "owner/name"}))
    config = chosen(composed("engine=openai", f"adapter={tmp_path}", name="evaluate"))
    with pytest.raises(ValueError, match=r"an endpoint answers with its own weights .*choose engine=transformers"):
        evaluation.check(config)
    evaluation.check(chosen(composed("engine=openai", name="evaluate")))


def test_one_runtime_serves_candidates_and_benchmarks() -> None:
    """A recipe's and the user's words reach both, because there is one engine; only ``answering`` is another."""
    config = composed("model=hub", "model.name=owner/name", "engine.runtime.batch_size=7")
    assert (config.engine.runtime.batch_size, config.engine.runtime.processes) == (7, None)
    assert "runtime" not in config.sampler
    assert "runtime" not in config.decoder
    assert config.answering is None


def test_a_recipes_lengths_reach_whatever_sampler_asks() -> None:
    for sampler in ("guided", "direct"):
        config = composed(f"sampler={sampler}")
        assert (config.sampler.max_new_tokens, config.decoder.max_new_tokens) == (160, 160), "the embedded model's"
    assert composed().sampler.max_observation_tokens == 96
    real = composed("size=real", "dataset.path=p.jsonl")
    assert (real.sampler.max_new_tokens, real.sampler.max_observation_tokens) == (256, 192)
    assert real.decoder.max_new_tokens == 384
