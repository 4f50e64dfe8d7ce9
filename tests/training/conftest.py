"""The tiny world as fixtures."""

from dataclasses import replace
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from conself.records import ModelRef
from conself.training.fit import FitReport
from tests.training.resume_world import THREE_EPOCHS, adapter, train
from tests.training.training_world import runtime, tiny_qwen, word_tokenizer


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    return word_tokenizer()


@pytest.fixture(scope="session")
def model_ref(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    """The tiny model as a folder that the library loads."""
    folder: Path = tmp_path_factory.mktemp("training_model")
    tiny_qwen().save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return ModelRef(name=str(folder), revision=None, adapter=None, dtype="float32", attention="sdpa", quantization=None)


@pytest.fixture(scope="session")
def whole(model_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> tuple[FitReport, bytes]:
    """Report and adapter of the training of THREE_EPOCHS that nothing stops, and that writes no checkpoint."""
    out: Path = tmp_path_factory.mktemp("whole") / "out"
    return train(model_ref, out, replace(THREE_EPOCHS, runtime=runtime(checkpoint_share=None))), adapter(out)
