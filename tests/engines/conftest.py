"""The tiny models as fixtures, and one saved as a folder that the library can load."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from transformers import LlamaConfig, PreTrainedModel, Qwen2Config

from conself.records import ModelRef
from tests.engines.tiny_models import SHAPE, build, byte_tokenizer


@pytest.fixture(scope="package", autouse=True)
def single_thread() -> Iterator[None]:
    """Models this small gain nothing from threads, and lose much where other work keeps the cores busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def qwen() -> PreTrainedModel:
    return build(Qwen2Config(**SHAPE, tie_word_embeddings=True))


@pytest.fixture(
    scope="session",
    params=["qwen2", "llama", *(pytest.param(name, marks=pytest.mark.slow) for name in ("qwen2-eager", "qwen2-mha"))],
)
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    variants = {
        "qwen2": lambda: build(Qwen2Config(**SHAPE)),
        "qwen2-eager": lambda: build(Qwen2Config(**SHAPE, attn_implementation="eager")),
        "qwen2-mha": lambda: build(Qwen2Config(**{**SHAPE, "num_key_value_heads": 4})),
        "llama": lambda: build(LlamaConfig(**SHAPE)),
    }
    return variants[request.param]()


@pytest.fixture(scope="session")
def model_ref(qwen: PreTrainedModel, tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    folder: Path = tmp_path_factory.mktemp("model")
    qwen.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return ModelRef(name=str(folder), revision=None, adapter=None, dtype="float32", attention="sdpa", quantization=None)
