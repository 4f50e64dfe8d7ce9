"""``model.dtype=auto``: by the machine's units, in every model of a config, before keys are derived."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from conself.models.dtypes import of_capability, of_processor, with_dtypes
from conself.store.keys import plain
from tests.models.families import QWEN, save

MODEL = {"revision": None, "adapter": None, "attention": "sdpa", "quantization": None}


def config(dtype: str, name: str = "a/b", device: str = "cpu") -> Any:
    model = {"_target_": "conself.records.ModelRef", "name": name, "dtype": dtype, **MODEL}
    parts = {"metric": {"encoder": [{"model": model}]}, "sampler": {"runtime": {"device": device}}}
    return OmegaConf.create({"model": model, **parts, "dtype": "auto"})


@pytest.mark.parametrize(
    ("flags", "dtype", "why"),
    [
        ({"avx2", "avx512f"}, "float32", "the processor has neither amx_bf16 nor avx512_bf16"),
        ({"avx2", "avx512_bf16"}, "bfloat16", "the processor has avx512_bf16"),
        ({"amx_bf16", "avx512_bf16", "amx_tile"}, "bfloat16", "the processor has amx_bf16"),
        (set(), "float32", "the processor has neither amx_bf16 nor avx512_bf16"),
    ],
)
def test_a_processor_by_its_instruction_sets(flags: set[str], dtype: str, why: str) -> None:
    assert of_processor(flags) == (dtype, why)


@pytest.mark.parametrize(
    ("capability", "dtype"), [((7, 5), "float16"), ((8, 0), "bfloat16"), ((8, 9), "bfloat16"), ((9, 0), "bfloat16")]
)
def test_a_gpu_by_its_capability(capability: tuple[int, int], dtype: str) -> None:
    assert of_capability(*capability) == (dtype, "the GPU's compute capability is {}.{}".format(*capability))


@pytest.mark.parametrize(("flags", "dtype"), [({"amx_bf16"}, "bfloat16"), ({"avx2"}, "float32")])
def test_every_model_gets_it_and_nothing_else(flags: set[str], dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conself.models.dtypes._flags", lambda: flags)
    chosen, line = with_dtypes(config("auto"))
    assert chosen == config(dtype)
    assert chosen.dtype == "auto", "a key of that name that is no model's"
    assert line is not None
    assert line.startswith(f"model.dtype=auto is {dtype} here: the processor has ")


def test_a_dtype_that_is_named_stays() -> None:
    assert with_dtypes(config("float16")) == (config("float16"), None)


def test_the_choice_is_in_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = str(save(QWEN, tmp_path))
    monkeypatch.setattr("conself.models.dtypes._flags", lambda: {"avx512_bf16"})
    chosen, _ = with_dtypes(config("auto", folder))
    named = [plain(config(dtype, folder).model) for dtype in ("bfloat16", "float32")]
    assert plain(chosen.model) == named[0] != named[1]
