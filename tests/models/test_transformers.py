"""Loading, identity and adapters, on a model small enough to build here."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from peft import LoraConfig
from tokenizers import Tokenizer, models
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from conself.models.hub import local_place
from conself.models.transformers import (
    device_of,
    fingerprint,
    load_policy,
    load_tokenizer,
    skeleton,
    stop_token_ids,
    tuned_model,
    with_lora,
)
from conself.records import ModelRef

CONF = Path(__file__).parents[2] / "conf"
LORA = LoraConfig(r=2, lora_alpha=4, target_modules="all-linear")
VOCABULARY = {"<end>": 0, "a": 1, "b": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=3,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        eos_token_id=0,
    )
    LlamaForCausalLM(config).save_pretrained(path)
    core = Tokenizer(models.WordLevel(VOCABULARY, unk_token="a"))
    PreTrainedTokenizerFast(tokenizer_object=core, eos_token="<end>").save_pretrained(path)
    return path


@pytest.fixture
def ref(folder: Path) -> ModelRef:
    return ModelRef(str(folder), None, None, "float32", "sdpa", None)


def test_fingerprint_follows_content_not_place(ref: ModelRef, folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    moved = replace(ref, name=str(copy))
    assert fingerprint(moved) == fingerprint(ref)
    (copy / "generation_config.json").write_text("{}")
    assert fingerprint(moved) != fingerprint(ref)
    assert fingerprint(replace(ref, dtype="bfloat16")) != fingerprint(ref)


def test_a_sentence_models_pooling_is_part_of_it(ref: ModelRef, folder: Path, tmp_path: Path) -> None:
    """It is set in a folder below."""
    copy, pooling = tmp_path / "copy", tmp_path / "copy" / "1_Pooling" / "config.json"
    shutil.copytree(folder, copy)
    pooling.parent.mkdir()
    pooling.write_text('{"pooling_mode": "mean"}')
    moved = replace(ref, name=str(copy))
    assert fingerprint(moved) == fingerprint(ref), "without modules.json it is a plain model, whatever lies below"
    (copy / "modules.json").write_text('[{"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"}]')
    known = fingerprint(moved)
    pooling.write_text('{"pooling_mode": "last"}')
    assert fingerprint(moved) != known
    pooling.write_text('{"pooling_mode": "mean"}')
    assert fingerprint(moved) == known
    (copy / "modules.json").write_text("[]")
    assert fingerprint(moved) != known


def test_an_endpoints_model_is_known_by_its_name() -> None:
    """Without a revision nothing is looked up; models of a hub are in test_hub."""
    endpoint = ModelRef("some-model", None, None, "float32", "sdpa", None)
    assert local_place(endpoint) is None
    assert fingerprint(endpoint) == fingerprint(replace(endpoint)) != fingerprint(replace(endpoint, name="other"))


BACKBONES = {
    "codellama_7b": ("codellama/CodeLlama-7b-Instruct-hf", 0.3),
    "deepseek_coder_6_7b": ("deepseek-ai/deepseek-coder-6.7b-instruct", 0.3),
    "qwen2_5_coder_0_5b": ("Qwen/Qwen2.5-Coder-0.5B-Instruct", 0.55),
    "qwen2_5_coder_0_5b_local": ("weights/qwen2_5_coder_0_5b", 0.55),
    "qwen2_5_1_5b": ("Qwen/Qwen2.5-1.5B-Instruct", 0.3),
    "qwen2_5_coder_1_5b": ("Qwen/Qwen2.5-Coder-1.5B-Instruct", 0.55),
    "qwen2_5_coder_1_5b_local": ("weights/qwen2_5_coder_1_5b", 0.55),
    "qwen2_5_coder_3b": ("Qwen/Qwen2.5-Coder-3B-Instruct", 0.55),
    "qwen2_5_coder_7b": ("Qwen/Qwen2.5-Coder-7B-Instruct", 0.55),
    "qwen2_5_coder_7b_base": ("Qwen/Qwen2.5-Coder-7B", 0.55),
    "qwen2_5_coder_14b": ("Qwen/Qwen2.5-Coder-14B-Instruct", 0.55),
    "qwen2_5_coder_32b": ("Qwen/Qwen2.5-Coder-32B-Instruct", 0.55),
    "qwen3_4b": ("Qwen/Qwen3-4B", 0.3),
}


@pytest.mark.parametrize(
    "choice",
    [
        name if name in ("codellama_7b", "qwen2_5_coder_0_5b_local") else pytest.param(name, marks=pytest.mark.slow)
        for name in BACKBONES
    ],
)
def test_a_backbone_brings_its_name_and_its_tau(choice: str) -> None:
    """docs/method.md#training-settings; nothing else differs from any model of the hub."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"model={choice}"])
        dtype = "auto" if choice.endswith("_local") else "bfloat16"  # the one is for this machine, others for the paper
        prompts = "fewshot" if choice.endswith("_base") else "default"
        plain = ["model=hub", f"model.name={BACKBONES[choice][0]}", f"model.dtype={dtype}", f"prompts={prompts}"]
        hub = compose("train", [*plain, f"recipe.tau={BACKBONES[choice][1]}"])
    assert (config.model.name, config.tau) == BACKBONES[choice]
    assert config == hub
    assert (config.model.dtype, config.training.runtime.gradient_checkpointing) == (dtype, 1.0)


def test_every_backbone_is_named_here() -> None:
    others = {"hub", "minipy", "minipy_roles", "qwen2_5_coder"}
    assert {path.stem for path in (CONF / "model").glob("*.yaml")} - others == set(BACKBONES)


@pytest.mark.parametrize("name", ["/no/such/folder", "./nothing", "~/nothing/here", "a/b/c"])
def test_missing_folder_names_the_key(name: str, ref: ModelRef) -> None:
    with pytest.raises(FileNotFoundError, match=r"does not exist; set model\.name"):
        fingerprint(replace(ref, name=name))


def test_folder_without_a_model(ref: ModelRef, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"has no config\.json"):
        load_tokenizer(replace(ref, name=str(tmp_path)))


def test_broken_folder_is_one_line(ref: ModelRef, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "qwen2"}')
    with pytest.raises(OSError, match=r"^cannot load model .*; check model\.name") as caught:
        load_policy(replace(ref, name=str(tmp_path)), "cpu")
    assert "\n" not in str(caught.value)


def test_unknown_dtype(ref: ModelRef) -> None:
    with pytest.raises(ValueError, match=r"must be one of float32, bfloat16, float16, or auto in a config, got 'int8'"):
        load_policy(replace(ref, dtype="int8"), "cpu")


def test_policy_is_in_eval_mode_with_padding_on_the_left(ref: ModelRef) -> None:
    policy, tokenizer = load_policy(ref, "cpu"), load_tokenizer(ref)
    assert not policy.training
    assert (tokenizer.padding_side, tokenizer.pad_token) == ("left", "<end>")
    assert stop_token_ids(policy, tokenizer) == (0,)
    assert device_of("cpu") == torch.device("cpu")


def test_lora_starts_as_the_reference_and_an_adapter_is_loaded_merged(ref: ModelRef, tmp_path: Path) -> None:
    base = load_policy(ref, "cpu")
    ids = torch.tensor([[1, 2, 1]])
    before = base(ids).logits
    policy = with_lora(base, LORA, seed=0)
    assert torch.equal(policy(ids).logits, before), "a fresh adapter changes nothing"
    with torch.no_grad():
        for name, parameter in policy.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.1)
    tuned = policy(ids).logits
    assert not torch.allclose(tuned, before)
    with policy.disable_adapter():
        assert torch.equal(policy(ids).logits, before), "adapter off is the reference"
    policy.save_pretrained(str(tmp_path))
    loaded = load_policy(replace(ref, adapter=str(tmp_path)), "cpu")
    torch.testing.assert_close(loaded(ids).logits, tuned)
    known = fingerprint(replace(ref, adapter=str(tmp_path)))
    assert known != fingerprint(ref)
    settings = json.loads((tmp_path / "adapter_config.json").read_text())
    for key, value, same in (("base_model_name_or_path", "/elsewhere", True), ("lora_alpha", 3, False)):
        (tmp_path / "adapter_config.json").write_text(json.dumps({**settings, key: value}))
        assert (fingerprint(replace(ref, adapter=str(tmp_path))) == known) is same


def test_lora_repeats_with_its_seed_and_leaves_the_global_stream_alone(ref: ModelRef) -> None:
    state = torch.get_rng_state()
    weights = [
        [p.detach().clone() for n, p in with_lora(load_policy(ref, "cpu"), LORA, s).named_parameters()]
        for s in (1, 1, 2)
    ]
    assert all(torch.equal(a, b) for a, b in zip(weights[0], weights[1], strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(weights[0], weights[2], strict=True))
    assert torch.equal(torch.get_rng_state(), state)


def test_a_device_that_torch_does_not_know_is_named() -> None:
    with pytest.raises(ValueError, match=r"runtime\.device must be auto, cpu, cuda .*, got 'foo'"):
        device_of("foo")


def test_a_skeleton_has_names_and_shapes_and_no_weights(ref: ModelRef) -> None:
    bones, model = skeleton(ref), load_policy(ref, "cpu")
    assert all(parameter.is_meta for parameter in bones.parameters())
    shapes = [{name: p.shape for name, p in m.named_parameters()} for m in (bones, model)]
    assert shapes[0] == shapes[1]


def test_a_tuned_model_is_the_whole_one_where_there_is_one_else_the_adapter(ref: ModelRef, tmp_path: Path) -> None:
    ref = replace(ref, revision="main")
    (tmp_path / "adapter").mkdir()
    assert tuned_model(ref, tmp_path) == replace(ref, adapter=str(tmp_path / "adapter"))
    (tmp_path / "model").mkdir()
    assert tuned_model(ref, tmp_path) == replace(ref, name=str(tmp_path / "model"), revision=None, adapter=None)
