"""From a ModelRef to a tokenizer and a policy, and to an identity that artifact keys can rely on."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from conself.records import ModelRef

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_CONTENT = ("*.safetensors", "*.bin", "*.json", "*.jinja", "*.model", "*.txt")

transformers_logging.disable_progress_bar()


def local_folder(ref: ModelRef) -> Path | None:
    """The model's folder when ``name`` is one, None when it is a hub id.

    Raises:
        FileNotFoundError: ``name`` looks like a path (absolute, or with a dot or more than one slash), but there
            is no such folder, or it holds no config.json.
    """
    path = Path(ref.name).expanduser()
    is_path = path.is_absolute() or ref.name.startswith((".", "~")) or ref.name.count("/") > 1
    if not is_path and not path.is_dir():
        return None
    if not (path / "config.json").is_file():
        raise FileNotFoundError(
            f"model folder {ref.name!r} {'has no config.json' if path.is_dir() else 'does not exist'}; "
            "set model.name to a Hugging Face model folder or hub id"
        )
    return path


def fingerprint(ref: ModelRef) -> str:
    """Content identity of a model: hash of a local folder's files, or hub id and revision; plus the adapter's hash.

    A local folder that changes its files changes its identity, wherever it lies.
    """
    folder = local_folder(ref)
    base = f"{ref.name}@{ref.revision}" if folder is None else _folder_hash(folder)
    adapter = "" if ref.adapter is None else _folder_hash(Path(ref.adapter))
    return hashlib.sha256(json.dumps([base, adapter, ref.dtype, ref.attention]).encode()).hexdigest()


def _folder_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted({p for pattern in _CONTENT for p in folder.glob(pattern)} - {folder / "training.json"}):
        stat = path.stat()
        digest.update(path.name.encode() + b"\0" + _file_hash(path, stat.st_mtime_ns, stat.st_size))
    return digest.hexdigest()


@cache
def _file_hash(path: Path, modified: int, size: int) -> bytes:  # noqa: ARG001  # they make the cache follow the file
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").digest()


def device_of(name: str) -> torch.device:
    """``auto`` is the first GPU when there is one, else the CPU; any other name is taken by torch."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(name)


def load_tokenizer(ref: ModelRef) -> PreTrainedTokenizerBase:
    """The model's tokenizer, padding on the left, with a padding token (its end of text where it names none).

    Raises:
        OSError: the model cannot be found or read, in one line with the remedy.
    """
    tokenizer: PreTrainedTokenizerBase = _from_pretrained(AutoTokenizer, ref)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_policy(ref: ModelRef, device: str) -> PreTrainedModel:
    """The model in eval mode on ``device``, its adapter (when there is one) merged into the weights.

    Raises:
        OSError: the model cannot be found or read, in one line with the remedy.
        ValueError: ``ref.dtype`` is not float32, bfloat16 or float16.
    """
    if ref.dtype not in _DTYPES:
        raise ValueError(f"model.dtype must be one of {', '.join(_DTYPES)}, got {ref.dtype!r}")
    options = {"dtype": _DTYPES[ref.dtype], "attn_implementation": ref.attention}
    model: PreTrainedModel = _from_pretrained(AutoModelForCausalLM, ref, **options)
    if ref.adapter is not None:
        model = PeftModel.from_pretrained(model, ref.adapter).merge_and_unload()
    return model.to(device_of(device)).eval()  # type: ignore[no-any-return, arg-type]  # transformers wraps Module.to


def _from_pretrained(loader: Any, ref: ModelRef, **options: Any) -> Any:
    folder = local_folder(ref)
    try:
        return loader.from_pretrained(str(folder or ref.name), revision=ref.revision, **options)
    except (OSError, ValueError) as error:
        cause = str(error).strip().splitlines()[0]
        raise OSError(
            f"cannot load model {ref.name!r} (revision {ref.revision}): {cause}; "
            "check model.name, and that the hub is reachable or the folder complete"
        ) from error


def stop_token_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """Ids that end the assistant's turn: those of the generation config and the tokenizer's end of text."""
    configured = model.generation_config.eos_token_id if model.generation_config is not None else None
    ids = configured if isinstance(configured, list) else [configured]
    return tuple(sorted({int(i) for i in [*ids, tokenizer.eos_token_id] if i is not None}))


def with_lora(model: PreTrainedModel, rank: int, alpha: int, target: str, seed: int) -> PeftModel:
    """The policy: ``model`` frozen, with a fresh LoRA adapter without dropout on ``target`` modules.

    The reference of DPO is this same model inside ``disable_adapter()`` (METHOD, "r(yw, yl)").
    """
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=0.0, target_modules=target, task_type="CAUSAL_LM")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        policy = get_peft_model(model, config)
    if not isinstance(policy, PeftModel):
        raise TypeError(f"peft returned {type(policy).__name__} for a LoRA config, expected a PeftModel")
    return policy
