"""The tiny model as a folder."""

from pathlib import Path

import pytest

from conself.records import ModelRef


@pytest.fixture(scope="session")
def model_ref(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    """The tiny model as a folder that the library loads."""
    from tests.training.training_world import tiny_qwen, word_tokenizer

    folder: Path = tmp_path_factory.mktemp("training_model")
    tiny_qwen().save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return ModelRef(name=str(folder), revision=None, adapter=None, dtype="float32", attention="sdpa", quantization=None)
