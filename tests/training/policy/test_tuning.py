"""What is trained, and the folders it is saved in: gradients by hand, and what other libraries load from them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedModel

from conself.losses.con_dpo import ConDPO
from conself.models.transformers import load_policy, load_tokenizer, tuned_model
from conself.records import ModelRef
from conself.training.fit import fit
from conself.training.policy.export import save_merged, save_model
from conself.training.policy.tuning import Full, Policy, Tuning
from conself.training.scorer.log_probs import response_log_probs
from conself.training.settings import Training
from tests.training.training_world import (
    LORA,
    SHAPE,
    build,
    layouts,
    naive,
    settings,
    tiny_qwen,
    token_pairs,
    toy_pairs,
    word_tokenizer,
)

LOSS = ConDPO(beta=0.5)
TUNINGS: dict[str, Tuning] = {
    "lora": LORA,
    "rslora": replace(LORA, rslora=True),
    "dora": replace(LORA, dora=True),
    "full": Full(),
}
LORAS = ("lora", "rslora", "dora")


def untied() -> PreTrainedModel:
    return build(LlamaForCausalLM, LlamaConfig(**SHAPE, tie_word_embeddings=False))


@pytest.fixture(params=["tied", "untied"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> ModelRef:
    """Embedding and head in one matrix, and in two."""
    folder = tmp_path / "base"
    (tiny_qwen() if request.param == "tied" else untied()).save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return ModelRef(str(folder), None, None, "float32", "sdpa", None)


def moved(policy: Policy) -> Policy:
    """With every trained weight off its start: second factors begin at 0 and would stop gradients."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in policy.model.parameters():
            if parameter.requires_grad:
                parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    return policy


def gradients(policy: Policy, value: Tensor) -> dict[str, Tensor]:
    policy.model.zero_grad()
    value.backward()
    return {name: p.grad.clone() for name, p in policy.model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("kind", TUNINGS)
def test_gradients_are_those_of_plain_sequences_one_by_one(kind: str, base: ModelRef) -> None:
    """Of random weights on the responses, in the shared layout; a tied matrix gets both of its parts."""
    policy = moved(TUNINGS[kind](base, "cpu", 0))
    pairs, layout = token_pairs([3, 1, 2]), layouts(10_000)["shared"]
    (piece,) = layout.cut(pairs)
    batch = layout.lay(piece)
    weights = torch.randn(len(batch.responses), generator=torch.Generator().manual_seed(2))
    ours = gradients(policy, response_log_probs(policy.model, batch, policy.dtype) @ weights.double())
    by_hand = torch.stack([naive(policy.model, response) for response in batch.responses])
    theirs = gradients(policy, by_hand @ weights)
    assert ours.keys() == theirs.keys()
    assert len(ours) == sum(p.requires_grad for p in policy.model.parameters())
    for name, expected in theirs.items():
        assert (ours[name] - expected).norm() <= 1e-4 * expected.norm() + 1e-6, name


def test_what_full_training_left_in_the_store_changes_no_bit(base: ModelRef, tmp_path: Path) -> None:
    """A head that is trained rounds otherwise than a frozen one: their reference log-probs are not shared."""
    alone, after = tmp_path / "one store" / "fit", tmp_path / "another" / "fit"
    trained(base, "lora", alone)
    trained(base, "full", after)
    trained(base, "lora", after)
    name = "adapter/adapter_model.safetensors"
    assert (alone / name).read_bytes() == (after / name).read_bytes()


@pytest.mark.parametrize("kind", TUNINGS)
def test_before_the_first_step_the_policy_is_the_reference(kind: str, base: ModelRef) -> None:
    policy, ids = TUNINGS[kind](base, "cpu", 0), torch.tensor([[5, 6, 7, 8]])
    plain = load_policy(base, "cpu")(ids).logits
    torch.testing.assert_close(policy.model(ids).logits, plain)
    if policy.reference_stays:
        changed = moved(policy).model(ids).logits
        assert not torch.allclose(changed, plain)
        with policy.reference():
            torch.testing.assert_close(policy.model(ids).logits, plain)


def trained(base: ModelRef, kind: str, folder: Path, **changes: object) -> Training:
    chosen = settings(tuning=TUNINGS[kind], **{"export": "merged" if kind == "full" else "adapter", **changes})
    fit(toy_pairs(), base, chosen, LOSS, 0, folder, folder.parent / "reference", None)
    return chosen


def logits(model: Callable[..., object]) -> Tensor:
    with torch.no_grad():
        found: Tensor = model(torch.tensor([[10, 5, 6, 20, 40]])).logits  # type: ignore[attr-defined]
    return found


@pytest.mark.parametrize("kind", LORAS)
def test_an_adapter_loads_with_peft_and_with_transformers(kind: str, base: ModelRef, tmp_path: Path) -> None:
    trained(base, kind, tmp_path / "fit")
    folder = str(tmp_path / "fit" / "adapter")
    by_peft = PeftModel.from_pretrained(load_policy(base, "cpu"), folder).eval()
    loaded = [by_peft]
    if (
        kind != "dora"
    ):  # transformers 5.19 warns that it finds no magnitudes, and goes on without: conf/training/dora.yaml
        by_method = load_policy(base, "cpu")
        by_method.load_adapter(folder)
        loaded += [AutoModelForCausalLM.from_pretrained(folder).eval(), by_method]
    ours = logits(load_policy(tuned_model(base, tmp_path / "fit"), "cpu"))
    for theirs in loaded:
        torch.testing.assert_close(logits(theirs), ours, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(ours, logits(load_policy(base, "cpu")), atol=1e-2)


def test_rank_stabilised_adapters_are_scaled_by_the_root_of_the_rank(base: ModelRef, tmp_path: Path) -> None:
    """LORA has r 4 and alpha 8: 8 / 2 in place of 8 / 4, so that the same factors reach twice as far."""
    trained(base, "rslora", tmp_path / "fit")
    config = tmp_path / "fit" / "adapter" / "adapter_config.json"
    rooted = dict(PeftModel.from_pretrained(load_policy(base, "cpu"), config.parent).named_modules())
    config.write_text(json.dumps(json.loads(config.read_text()) | {"use_rslora": False}))
    plain = dict(PeftModel.from_pretrained(load_policy(base, "cpu"), config.parent).named_modules())
    name = "base_model.model.model.layers.0.mlp.up_proj"
    torch.testing.assert_close(rooted[name].get_delta_weight("default"), 2 * plain[name].get_delta_weight("default"))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", LORAS)
def test_a_merged_model_is_the_adapter_taken_in(kind: str, dtype: str, base: ModelRef, tmp_path: Path) -> None:
    base = replace(base, dtype=dtype)
    trained(base, kind, tmp_path / "fit")
    for out in ("model", "again"):
        save_merged(base, tmp_path / "fit" / "adapter", tmp_path / "fit" / out)
    whole = tuned_model(base, tmp_path / "fit")
    assert (whole.name, whole.adapter) == (str(tmp_path / "fit" / "model"), None)
    files = sorted(path.name for path in Path(whole.name).iterdir())
    assert [(tmp_path / "fit" / "again" / name).read_bytes() for name in files] == [
        (Path(whole.name) / name).read_bytes() for name in files
    ], "the same bytes each time"
    assert "adapter_config.json" not in files
    assert load_tokenizer(whole).get_vocab() == load_tokenizer(base).get_vocab()

    # Added up in float32 from the base in its dtype, rounded once.
    exact = load_policy(base, "cpu").float()
    exact = PeftModel.from_pretrained(exact, str(tmp_path / "fit" / "adapter")).merge_and_unload().state_dict()
    stored = load_file(Path(whole.name) / "model.safetensors")
    assert stored.keys() == load_file(Path(base.name) / "model.safetensors").keys()
    for name, weight in stored.items():
        assert weight.dtype == getattr(torch, dtype)
        torch.testing.assert_close(weight, exact[name].to(weight.dtype), rtol=0, atol=0)


def test_full_training_learns_keeps_the_dtype_and_loads(base: ModelRef, tmp_path: Path) -> None:
    base = replace(base, dtype="bfloat16")
    trained(base, "full", tmp_path / "fit", epochs=6, learning_rate=2e-3)
    folder = tmp_path / "fit" / "model"
    stored, before = (load_file(Path(place) / "model.safetensors") for place in (folder, base.name))
    assert stored.keys() == before.keys(), "a tied matrix is written once"
    assert {weight.dtype for weight in stored.values()} == {torch.bfloat16}
    assert all(not torch.equal(stored[name].float(), before[name].float()) for name in stored), "nothing is left out"
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
    theirs = AutoModelForCausalLM.from_pretrained(folder)
    assert theirs.dtype == torch.bfloat16
    after, first = logits(theirs)[0, 2].float(), logits(load_policy(base, "cpu"))[0, 2].float()
    assert after[20] - after[30] > first[20] - first[30] + 0.5
    assert torch.equal(logits(theirs), logits(load_policy(tuned_model(base, tmp_path / "fit"), "cpu")))


def test_weights_gathered_elsewhere_are_saved_in_place_of_the_models(base: ModelRef, tmp_path: Path) -> None:
    """As processes that hold slices of a model gather them: a tied matrix comes as two."""
    policy = Full()(base, "cpu", 0)
    gathered = {name: weight + 1 for name, weight in policy.model.state_dict().items()}
    policy.save(tmp_path / "out", gathered)
    stored = load_file(tmp_path / "out" / "model.safetensors")
    assert stored.keys() == load_file(Path(base.name) / "model.safetensors").keys()
    assert all(torch.equal(weight, gathered[name]) for name, weight in stored.items())


def test_full_training_repeats_bit_for_bit(base: ModelRef, tmp_path: Path) -> None:
    for run in ("one", "two"):
        trained(base, "full", tmp_path / run)
    files = sorted(path.name for path in (tmp_path / "one" / "model").iterdir())
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= set(files)
    for name in files:
        assert (tmp_path / "one" / "model" / name).read_bytes() == (tmp_path / "two" / "model" / name).read_bytes()


def test_a_generation_config_that_transformers_would_not_write_loses_its_sampling_settings(
    base: ModelRef, tmp_path: Path
) -> None:
    model = load_policy(base, "cpu")
    model.generation_config.temperature = 0.3  # and do_sample is false
    model.generation_config.eos_token_id = [1, 7]
    save_model(model, base, torch.float32, tmp_path / "out", None)
    written = json.loads((tmp_path / "out" / "generation_config.json").read_text())
    assert written["eos_token_id"] == [1, 7]
    assert written.get("temperature") != 0.3


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (
            ["q_proj", "nonexistent"],
            "has no module 'nonexistent'; its linear layers are q_proj, k_proj, v_proj, o_proj, ",
        ),
        (["proj"], "has no module 'proj'"),
        ("q_proj", "has no module 'q_proj'"),  # as PEFT reads it: a pattern for whole names
    ],
)
def test_a_target_that_is_not_there_is_told_by_name(target: str | list[str], words: str, base: ModelRef) -> None:
    with pytest.raises(ValueError, match=words):
        replace(LORA, target=target).check(base)


@pytest.mark.parametrize("target", ["all-linear", ["q_proj", "mlp.up_proj"], r".*layers\.1\..*_proj"], ids=str)
def test_a_target_that_is_there_is_what_peft_takes(target: str | list[str], base: ModelRef) -> None:
    chosen = replace(LORA, target=target)
    chosen.check(base)
    policy = chosen(base, "cpu", 0)
    taken = {name.rpartition(".lora_A")[0] for name, p in policy.model.named_parameters() if "lora_A" in name}
    expected = {"all-linear": 14, "['q_proj', 'mlp.up_proj']": 4}.get(str(target), 7)
    assert len(taken) == expected


@pytest.mark.parametrize("target", ["lm_head", "embed_tokens"])
def test_a_head_that_is_the_embedding_takes_no_adapter(target: str, base: ModelRef) -> None:
    chosen = replace(LORA, target=["q_proj", target])
    if "Qwen2" in (Path(base.name) / "config.json").read_text():
        with pytest.raises(ValueError, match=rf"'{target}' is embedding and head of Qwen2ForCausalLM in one"):
            chosen.check(base)
    else:
        chosen.check(base)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"r": 0}, r"training\.tuning\.r is 0; it must be above 0"),
        ({"alpha": -1}, r"training\.tuning\.alpha is -1; it must be above 0"),
        ({"target": []}, r"training\.tuning\.target is empty; name modules"),
        ({"target": ""}, r"training\.tuning\.target is empty; name modules"),
    ],
)
def test_settings_out_of_range_are_told(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(LORA, **changes)  # type: ignore[arg-type]  # one dict, many types


def test_a_quantised_base_is_neither_trained_whole_nor_merged(model_ref: ModelRef, tmp_path: Path) -> None:
    small = replace(model_ref, quantization="nf4")
    with pytest.raises(ValueError, match=r"trains no weights in nf4; set model\.quantization=null, or training=lora"):
        Full().check(small)
    LORA.check(small)
    with pytest.raises(ValueError, match=r"training\.export=merged needs whole weights.*training\.export=adapter"):
        save_merged(small, tmp_path, tmp_path / "model")


def test_exports_that_cannot_be_meant() -> None:
    with pytest.raises(ValueError, match=r"training\.export must be one of adapter, merged, got 'gguf'"):
        settings(export="gguf")
    with pytest.raises(ValueError, match=r"all weights are trained: set training\.export=merged"):
        settings(tuning=Full())


def test_in_16_bits_inputs_are_not_converted_twice_and_the_bits_are_the_same(base: ModelRef) -> None:
    """PEFT converts a 16-bit input to its float32 adapter's dtype, and autocast back: both ways are exact."""
    half = replace(base, dtype="bfloat16")
    policies = [moved(LORA(half, "cpu", 0)) for _ in range(2)]
    casting: list[Any] = [
        [module for module in policy.model.modules() if hasattr(module, "cast_input_dtype_enabled")]
        for policy in policies
    ]
    assert not any(layer.cast_input_dtype_enabled for layer in casting[0])
    for layer in casting[1]:
        layer.cast_input_dtype_enabled = True
    found = []
    for policy in policies:
        values = response_log_probs(policy.model, layouts(10_000)["shared"].lay(token_pairs([3, 1, 2])), policy.dtype)
        values.sin().sum().backward()
        found.append([values.detach(), *(p.grad for p in policy.model.parameters() if p.grad is not None)])
    assert len(found[0]) > 4
    for left, right in zip(*found, strict=True):
        assert torch.equal(left, right)
