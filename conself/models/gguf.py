"""Models in a single GGUF file (llama.cpp), unpacked once per file and dtype into an ordinary model folder.

Everything else then reads that folder. Weights, tokenizer, chat template and end-of-turn tokens come from the file;
neighbouring files are ignored. The folders are kept beside the Hugging Face cache (``HF_HOME``), keyed by content.
"""

from __future__ import annotations

import hashlib
import importlib.util
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from conself.models.gguf_header import Header, read_header
from conself.models.gguf_unpacking import unpack
from conself.records import ModelRef
from conself.runtime.console import new_console, say
from conself.runtime.locks import locked

_ARCHITECTURES = ("llama", "qwen2")
_PACKAGES = ("gguf", "accelerate")
_FORM = 1
"""Raised whenever unpacking gives another result."""


def gguf_file(path: Path) -> Path | None:
    """Return ``path`` if it is a GGUF file, or the only GGUF file of a folder without config.json; else None.

    Raises:
        FileNotFoundError: ``path`` ends in ``.gguf``, and does not exist.
        ValueError: the folder has several such files, or parts of one.
    """
    if path.suffix == ".gguf" and not path.is_dir():
        if not path.is_file():
            raise FileNotFoundError(
                f"model file '{path}' does not exist; set model.name to a GGUF file or model folder"
            )
        return path
    if not path.is_dir() or (path / "config.json").is_file():
        return None
    files = sorted(path.glob("*.gguf"))
    if len(files) > 1:
        raise ValueError(
            f"model folder '{path}' has {len(files)} GGUF files; set model.name to one of them, {files[0]} say "
            "(parts of one model are joined by llama.cpp's llama-gguf-split --merge)"
        )
    return files[0] if files else None


def content_hash(file: Path) -> str:
    """Hash the file with SHA-256 (64 hex digits); cached in the process while the file does not change."""
    stat = file.stat()
    return _hash(file, stat.st_mtime_ns, stat.st_size)


@cache
def _hash(file: Path, modified: int, size: int) -> str:  # noqa: ARG001  # they make the cache follow the file
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def check_gguf(file: Path, ref: ModelRef) -> None:
    """Check the file's header and the packages needed to read it, without torch and before any work.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no complete GGUF file of a llama or qwen2 model, positions are scaled, quantization is
            requested, or a package is missing; in one line with the remedy.
    """
    if ref.quantization is not None:
        raise ValueError(
            f"{file} is unpacked to model.dtype, and model.quantization={ref.quantization} would quantise it again; "
            "set model.quantization=null"
        )
    if missing := [name for name in _PACKAGES if importlib.util.find_spec(name) is None]:
        raise ValueError(f"reading {file} needs {' and '.join(missing)}: pip install 'conself[gguf]'")
    header = _header(file)
    architecture = header.settings.get("general.architecture")
    if architecture not in _ARCHITECTURES:
        raise ValueError(
            f"{file} holds a model of architecture {architecture!r}; of GGUF files {' and '.join(_ARCHITECTURES)} can "
            "be read: set model.name to the model's hub id or folder instead"
        )
    scaling = header.settings.get(f"{architecture}.rope.scaling.type", "none")
    if scaling != "none" or any(tensor.name == "rope_freqs.weight" for tensor in header.tensors):
        raise ValueError(
            f"{file} scales its positions ({scaling}), which transformers does not read from a GGUF file; "
            "set model.name to the model's hub id or folder instead"
        )
    _check_whole(file, header)


def _header(file: Path) -> Header:
    stat = file.stat()
    return _cached_header(file, stat.st_mtime_ns, stat.st_size)


@cache
def _cached_header(file: Path, modified: int, size: int) -> Header:  # noqa: ARG001
    return read_header(file)


def _check_whole(file: Path, header: Header) -> None:
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType

    end = header.data
    for tensor in header.tensors:
        try:
            block, size = GGML_QUANT_SIZES[GGMLQuantizationType(tensor.kind)]
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"{file}: tensor {tensor.name} is of type {tensor.kind}, which the gguf package does not know; "
                "take a newer one, or another file of the model"
            ) from error
        end = max(end, header.data + tensor.offset + tensor.elements // block * size)
    if file.stat().st_size < end:
        raise ValueError(f"{file} has {file.stat().st_size} bytes of {end}; download or copy it again")


def unpacked(file: Path, ref: ModelRef) -> Path:
    """Return the model of ``file`` as a transformers folder in ``ref.dtype``, unpacked once (a minute or two).

    Raises:
        OSError: the file cannot be read, or the folder cannot be written.
        ValueError: as :func:`check_gguf`, or the file's tokenizer cannot be rebuilt.
    """
    check_gguf(file, ref)
    from huggingface_hub.constants import HF_HOME

    folder = Path(HF_HOME) / "conself" / "gguf" / f"{content_hash(file)[:32]}-{ref.dtype}-{_FORM}"
    if folder.is_dir():
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked(folder.with_suffix(".lock"), f"unpacking {file}"):
            if not folder.is_dir():  # another process may have been at it
                say(new_console(stderr=True), f"unpacking {file} to {ref.dtype}, once: {folder}")
                with TemporaryDirectory(prefix=".", dir=folder.parent) as work:
                    unpack(file, _header(file), ref.dtype, Path(work))
                    (Path(work) / "model").rename(folder)
    except PermissionError as error:
        raise OSError(f"cannot write {folder}: {error}; set HF_HOME to a folder that can be written") from error
    return folder
