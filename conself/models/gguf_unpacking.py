"""Convert a GGUF file to a transformers folder: weights, configuration, tokenizer, chat template, end tokens."""

from __future__ import annotations

import sys
from contextlib import ExitStack, redirect_stderr
from io import StringIO
from pathlib import Path
from shutil import copymode
from typing import TYPE_CHECKING, Any

from conself.models.gguf_header import Header

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "<|EOT|>", "</s>")
"""Control tokens that end a text whatever the file calls its end: llama.cpp stops at them as well."""

_TOKENIZER = ("model", "pre", "add_space_prefix")
_IDS = {"bos": "bos", "eos": "eos", "pad": "padding"}
_DIGITS = "smollm"
"""The name in llama.cpp of SmolLM's pre-tokenizer, which transformers does not know."""


def unpack(file: Path, header: Header, dtype: str, work: Path) -> None:
    """Write the model of ``file`` as a transformers folder ``work``/model.

    Raises:
        OSError: the file's tensors cannot be read, or the folder cannot be written.
        ValueError: the file has tensors for which the model has no place, or its tokenizer cannot be rebuilt.
    """
    from safetensors import SafetensorError

    (work / "alone").mkdir()
    (work / "alone" / "model.gguf").symlink_to(file.resolve())  # so that neighbouring files are not read
    try:
        with ExitStack() as quiet:
            if not sys.stderr.isatty():
                quiet.enter_context(redirect_stderr(StringIO()))  # progress bars
            tokenizer = _tokenizer(work / "alone", file, header)
            model = _model(work / "alone", header, dtype)
    except (OSError, KeyError, NotImplementedError, RuntimeError, SafetensorError) as error:
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise OSError(f"cannot read {file}: {cause}; download it again, or take another file of the model") from error
    if (stored := len(header.tensors)) != (n_parameters := len(list(model.parameters()))):
        raise ValueError(
            f"{file} has {stored} tensors, and {type(model).__name__} has a place for {n_parameters}; "
            "set model.name to the model's hub id or folder instead"
        )
    tokenizer.model_max_length = model.config.max_position_embeddings
    model.generation_config.eos_token_id = _ends(header, tokenizer)
    model.save_pretrained(work / "model")
    for weights in (work / "model").glob("*.safetensors"):
        copymode(work / "model" / "config.json", weights)  # safetensors writes them for their owner only
    tokenizer.save_pretrained(work / "model")


def _model(folder: Path, header: Header, dtype: str) -> PreTrainedModel:
    """Build the model, with each weight rounded once from its block's values to ``dtype``."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, GgufConfig
    from transformers.utils import logging as transformers_logging

    config = AutoConfig.for_model(**_config(header))
    transformers_logging.disable_progress_bar()
    loaded: Any = AutoModelForCausalLM.from_pretrained(
        folder,
        gguf_file="model.gguf",
        config=config,  # read from the file by transformers it would take many seconds more
        quantization_config=GgufConfig(dequantize=True),
        dtype=getattr(torch, dtype),
        output_loading_info=True,
    )
    model: PreTrainedModel = loaded[0]
    if missing := sorted(loaded[1]["missing_keys"]):
        raise RuntimeError(f"it lacks {', '.join(missing[:3])}{', ...' if len(missing) > 3 else ''}")
    return model


def _config(header: Header) -> dict[str, Any]:
    """Convert the file's settings to transformers' names."""
    from transformers.integrations.ggml import GGUF_CONFIG_MAPPING

    settings, architecture = header.settings, header.settings["general.architecture"]
    names: Any = GGUF_CONFIG_MAPPING[str(architecture)]
    stored = {name: settings.get(f"{architecture}.{key}") for key, name in names.items() if name is not None}
    return {
        "vocab_size": settings["tokenizer.ggml.tokens"],
        **{name: value for name, value in stored.items() if value is not None},
        **{f"{name}_token_id": settings.get(f"tokenizer.ggml.{key}_token_id") for name, key in _IDS.items()},
        "model_type": architecture,
        "tie_word_embeddings": all(tensor.name != "output.weight" for tensor in header.tensors),
    }


def _tokenizer(folder: Path, file: Path, header: Header) -> PreTrainedTokenizerBase:
    """Build the tokenizer described in ``file``, to which ``folder`` has a link.

    Raises:
        ValueError: its kind or its pre-tokenizer is not supported.
    """
    from transformers import PreTrainedTokenizerFast
    from transformers.integrations.gguf.gguf_tokenizer_mapping import GGUF_PRE_TOKENIZER_SPLITS

    kind, cut, opens_with_space = (header.settings.get(f"tokenizer.ggml.{name}") for name in _TOKENIZER)
    supported = {"gpt2": {None, "default", "gpt-2", _DIGITS, *GGUF_PRE_TOKENIZER_SPLITS}, "llama": {None, "default"}}
    if cut not in supported.get(str(kind), ()) or (kind == "gpt2" and opens_with_space):
        raise ValueError(
            f"the tokenizer of {file} (model {kind!r}, pre {cut!r}) is not one that transformers rebuilds "
            "from a GGUF file; set model.name to the model's hub id or folder instead"
        )
    tokenizer: PreTrainedTokenizerBase = PreTrainedTokenizerFast.from_pretrained(folder, gguf_file="model.gguf")
    _check_specials(file, header, tokenizer)
    if kind == "llama":
        _cut_by_pieces(tokenizer, opens_with_space is not False)
    elif cut == _DIGITS:
        _cut_digits(tokenizer)
    return tokenizer


def _cut_by_pieces(tokenizer: PreTrainedTokenizerBase, opens_with_space: bool) -> None:
    """Prefix text with a space after special tokens as well, as llama.cpp and the models' own files do."""
    from tokenizers import normalizers

    opening = [normalizers.Prepend("\u2581")] if opens_with_space else []
    tokenizer.backend_tokenizer.normalizer = normalizers.Sequence([*opening, normalizers.Replace(" ", "\u2581")])
    tokenizer.backend_tokenizer.pre_tokenizer = None


def _cut_digits(tokenizer: PreTrainedTokenizerBase) -> None:
    """Split off every digit, and the rest like GPT-2."""
    from tokenizers import pre_tokenizers

    pieces = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(pieces)


def _check_specials(file: Path, header: Header, tokenizer: PreTrainedTokenizerBase) -> None:
    """Check that special tokens keep their ids: transformers renumbers those outside a byte-level alphabet.

    Raises:
        ValueError: some would get new ids.
    """
    for role, name in {**_IDS, "unk": "unknown"}.items():
        stored, rebuilt = header.settings.get(f"tokenizer.ggml.{name}_token_id"), getattr(tokenizer, f"{role}_token_id")
        if stored is not None and stored != rebuilt:
            raise ValueError(
                f"{file} says that {role} is token {stored}, and transformers rebuilds it as {rebuilt}; "
                "set model.name to the model's hub id or folder instead"
            )


def _ends(header: Header, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Return the ids that end a text, ascending: those named in the file, and control tokens without another use."""
    stored = [header.settings.get(f"tokenizer.ggml.{name}_token_id") for name in ("eos", "eot", "eom")]
    control = [i for i, token in tokenizer.added_tokens_decoder.items() if token.special and token.content in _ENDS]
    return sorted({i for i in stored if isinstance(i, int)} | set(control))
