"""A base in 4 or 8 bits: loaded, sampled from, trained on, its adapter beside it. Needs the extra ``quantized``."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from conself.engines.transformers.engine import Runtime as SamplingRuntime
from conself.engines.transformers.engine import TransformersEngine
from conself.losses.con_dpo import ConDPO
from conself.models.quantization import quantized
from conself.models.transformers import fingerprint, load_policy, load_tokenizer, with_lora
from conself.prompts.prompts import Prompts
from conself.prompts.turns import encode_prompt
from conself.records import ModelRef, PreferencePair, Problem
from conself.samplers.guided import Guided
from conself.samplers.sampler import Asking
from conself.training.fit import fit
from conself.training.layouts.padded import PairsLayout
from conself.training.policy.tuning import Lora
from conself.training.settings import Runtime, Training
from conself.training.strategies.distributed import DDP
from tests.models.families import QWEN, save

LORA = Lora(r=4, alpha=8, target="all-linear", rslora=False, dora=False)
INSTALLED = importlib.util.find_spec("bitsandbytes") is not None
needs_bitsandbytes = pytest.mark.skipif(not INSTALLED, reason="bitsandbytes is not installed (extra: quantized)")
kinds = pytest.mark.parametrize("kind", ["nf4", "int8"])
dtypes = pytest.mark.parametrize("dtype", ["float32", "bfloat16"])


@pytest.fixture(scope="module")
def ref(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    folder = save(QWEN, tmp_path_factory.mktemp("model"), hidden_size=64, intermediate_size=128)  # blocks are of 64
    return ModelRef(str(folder), None, None, "float32", "sdpa", None)


@pytest.mark.skipif(INSTALLED, reason="bitsandbytes is installed")
@kinds
def test_without_bitsandbytes_the_remedy_is_named(kind: str, ref: ModelRef) -> None:
    with pytest.raises(ValueError, match=rf"model\.quantization={kind} needs bitsandbytes: pip install 'conself\[qua"):
        load_policy(replace(ref, quantization=kind), "cpu")


def test_another_kind_is_refused_and_none_is_no_option() -> None:
    with pytest.raises(ValueError, match=r"model\.quantization must be null or one of nf4, int8, got 'int4'"):
        quantized("int4", torch.float32, torch.device("cpu"))
    assert quantized(None, torch.float32, torch.device("cpu")) == {}


def test_fewer_bits_are_another_model(ref: ModelRef) -> None:
    assert len({fingerprint(replace(ref, quantization=kind)) for kind in (None, "nf4", "int8")}) == 3


@needs_bitsandbytes
@kinds
@dtypes
def test_the_layers_shrink_and_nearly_compute_the_same(kind: str, dtype: str, ref: ModelRef) -> None:
    ref = replace(ref, dtype=dtype)
    plain, small = load_policy(ref, "cpu"), load_policy(replace(ref, quantization=kind), "cpu")
    up = small.model.layers[0].mlp.up_proj.weight
    assert up.element_size() * up.numel() == 64 * 128 / (2 if kind == "nf4" else 1)
    assert small.lm_head.weight.dtype == plain.dtype, "embeddings and head stay as they are"
    ids = torch.tensor([encode_prompt(load_tokenizer(ref), "def solve(n): return n")])
    with torch.no_grad():
        a, b = (model.model(ids).last_hidden_state.float() for model in (plain, small))
    assert 0 < (a - b).norm() < (0.6 if kind == "nf4" else 0.2) * a.norm()


@needs_bitsandbytes
@kinds
@dtypes
@pytest.mark.parametrize("checkpointing", [False, True])
def test_an_adapter_is_trained_on_it_and_stays_beside_it(
    kind: str, dtype: str, checkpointing: bool, ref: ModelRef, tmp_path: Path
) -> None:
    ref = replace(ref, dtype=dtype, quantization=kind)
    runtime = Runtime(PairsLayout(512), "cpu", 1, 1, DDP(), checkpointing, checkpoint_share=None, progress=False)
    settings = Training(LORA, "adapter", 5e-3, 0.0, 0.0, 1.0, 3, 2, False, 128, 1, runtime)
    pairs = [PreferencePair("p", "Say it.\n", "return n", text, 0, 1, 0.9) for text in ("no", " y", "x = 1")]
    curve = fit(pairs, ref, settings, ConDPO(beta=0.5), 0, tmp_path, tmp_path / "reference", None).curve
    assert curve[0]["margin"] == pytest.approx(0.0, abs=1e-6)
    assert curve[-1]["margin"] > 0.1
    tuned = load_policy(replace(ref, adapter=str(tmp_path / "adapter")), "cpu")
    base = load_policy(ref, "cpu")
    layer, plain = (model.model.layers[0].mlp.up_proj for model in (tuned, base))
    assert torch.equal(layer.base_layer.weight.data, plain.weight.data)
    assert not torch.equal(tuned(torch.tensor([[1, 2]])).logits, base(torch.tensor([[1, 2]])).logits)


@needs_bitsandbytes
@kinds
def test_the_adapter_that_is_trained_is_float32(kind: str, ref: ModelRef) -> None:
    policy = with_lora(load_policy(replace(ref, dtype="bfloat16", quantization=kind), "cpu"), LORA.config(), 0)
    assert {p.dtype for p in policy.parameters() if p.requires_grad} == {torch.float32}
    assert {n.split(".")[-3] for n, p in policy.named_parameters() if p.requires_grad} == {"lora_A", "lora_B"}


@needs_bitsandbytes
@kinds
def test_it_is_sampled_from(kind: str, ref: ModelRef) -> None:
    prompts = Prompts(None, "{statement} {n}", "{statement}{starter_code}", "{statement} {observation}")
    runtime = SamplingRuntime(batch_size=4, device="cpu", processes=1, shards_per_task=1, threads=1)
    sampler = Asking(Guided(1, 2, 0.7, 0.8, 1.0, 1.0, 8, 8, 15, 0, prompts), TransformersEngine(runtime))
    (group,) = sampler([Problem("p", "Add.", "", "f", (), "test", "")], replace(ref, quantization=kind))
    assert [c.index for c in group] == [0, 1]
    assert all(c.mean_nll is not None and c.mean_nll > 0 for c in group)
