"""Load the tokenizer and the model of a ModelRef, and compute its identity for artifact keys."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conself.models.gguf import content_hash
from conself.models.hub import check_place, local_place, locate, source
from conself.models.quantization import check_quantization, quantized
from conself.prompts.turns import end_of_turn_id
from conself.records import ModelRef

if TYPE_CHECKING:
    import torch
    from peft import LoraConfig, PeftModel
    from transformers import GenerationConfig, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger(__name__)

_DTYPES = ("float32", "bfloat16", "float16")
_ATTENTION = ("sdpa", "eager")
_CONTENT = ("*.safetensors", "*.bin", "*.json", "*.jinja", "*.model", "*.txt")
_MODULES = ("**/config.json",)
"""Extra files of sentence-transformers models (``modules.json``), such as the pooling config."""


def fingerprint(ref: ModelRef) -> str:
    """Identify a model's content: hash of a local file or a folder's files, or hub id and commit; plus the adapter's.

    The identity changes with a local folder's files, not with its path, and with the commit of a hub id's branch. If
    the commit is unknown (or ``revision`` is None: an endpoint's model), the names are used.
    """
    path = local_place(ref)
    base = _hub_identity(ref) if path is None else _content(path)
    adapter = "" if ref.adapter is None else _folder_hash(Path(ref.adapter))
    facts = [base, adapter, ref.dtype, ref.attention, ref.quantization]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _hub_identity(ref: ModelRef) -> str:
    revision = ref.revision
    if revision is not None:
        try:
            revision = locate(ref.name, revision).commit
        except OSError as error:
            log.warning("%s is known by its name only: %s", ref.name, error)
    return f"{ref.name}@{revision}"


def _content(path: Path) -> str:
    return content_hash(path) if path.is_file() else _folder_hash(path)


def _folder_hash(folder: Path) -> str:
    digest = hashlib.sha256()
    patterns = (*_CONTENT, *(_MODULES if (folder / "modules.json").is_file() else ()))
    for path in sorted({p for pattern in patterns for p in folder.glob(pattern)} - {folder / "training.json"}):
        stat, name = path.stat(), path.relative_to(folder).as_posix()
        digest.update(name.encode() + b"\0" + _file_hash(path, stat.st_mtime_ns, stat.st_size))
    return digest.hexdigest()


@cache
def _file_hash(path: Path, modified: int, size: int) -> bytes:  # noqa: ARG001  # they make the cache follow the file
    if path.name == "adapter_config.json":  # holds the path of the base, whose content is hashed separately
        settings = json.loads(path.read_bytes())
        plain = {key: value for key, value in settings.items() if key not in ("base_model_name_or_path", "revision")}
        return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).digest()
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").digest()


def device_of(name: str) -> torch.device:
    """Return the device: for ``auto`` the first GPU if there is one, else the CPU; other names are torch's.

    Raises:
        ValueError: torch does not know the device.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"runtime.device must be auto, cpu, cuda or cuda:0, cuda:1, ..., got {name!r}") from error


def load_tokenizer(ref: ModelRef) -> PreTrainedTokenizerBase:
    """Load the model's tokenizer, padding on the left, with a padding token (by default its end of text).

    ``tokenizer.json`` is used unchanged if it exists. Transformers' classes rebuild a tokenizer from its vocabulary,
    and some models name the wrong class: DeepSeek-Coder's byte-level pieces in a Llama class lose every space,
    CodeLlama's prompts lose the first one.

    Raises:
        OSError: the model cannot be found or read, in one line with the remedy.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast
    from transformers.utils import logging as transformers_logging

    loader = PreTrainedTokenizerFast if _has_file(ref, "tokenizer.json") else AutoTokenizer
    before = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # it says that the class is not the one that the model names
    try:
        tokenizer: PreTrainedTokenizerBase = _from_pretrained(loader, ref)
    finally:
        transformers_logging.set_verbosity(before)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def check_model(ref: ModelRef) -> None:
    """Find the model and check its settings, without loading it, before hours of other work.

    Raises:
        OSError: the model cannot be found, in one line with the remedy.
        ValueError: ``ref.dtype``, ``ref.attention`` or ``ref.quantization`` is unknown, bitsandbytes is missing, or a
            GGUF file cannot be read with ``ref``'s settings.
    """
    if ref.attention not in _ATTENTION:
        raise ValueError(f"model.attention must be {' or '.join(_ATTENTION)}, got {ref.attention!r}")
    _check_dtype(ref)
    check_quantization(ref.quantization)
    check_place(ref)


def is_half(dtype: torch.dtype) -> bool:
    """Return whether a dtype has 16 bits: models in it are trained under autocast."""
    return dtype.itemsize == 2


def dtype_of(ref: ModelRef) -> torch.dtype:
    """Return the dtype that the model computes in.

    Raises:
        ValueError: ``ref.dtype`` is unknown.
    """
    import torch

    _check_dtype(ref)
    dtype: torch.dtype = getattr(torch, ref.dtype)
    return dtype


def _check_dtype(ref: ModelRef) -> None:
    if ref.dtype not in _DTYPES:
        raise ValueError(f"model.dtype must be one of {', '.join(_DTYPES)}, or auto in a config, got {ref.dtype!r}")


def load_policy(ref: ModelRef, device: str) -> PreTrainedModel:
    """Load the model in eval mode on ``device``, with its adapter if there is one.

    The adapter is merged into a float32 base. Other bases keep it unmerged: next to a weight, an update is often too
    small for 16 bits, and would be rounded away.

    Raises:
        OSError: the model cannot be found or read, in one line with the remedy.
        ValueError: ``ref.dtype`` or ``ref.quantization`` is unknown, or bitsandbytes is missing.
    """
    from transformers import AutoModelForCausalLM

    place, dtype = device_of(device), dtype_of(ref)
    options = {"dtype": dtype, "attn_implementation": ref.attention, **quantized(ref.quantization, dtype, place)}
    model: PreTrainedModel = _from_pretrained(AutoModelForCausalLM, ref, **options)
    if ref.quantization is None:
        model.to(place)  # type: ignore[arg-type]  # transformers wraps Module.to
    if ref.adapter is not None:
        from peft import PeftModel

        tuned = PeftModel.from_pretrained(model, ref.adapter, autocast_adapter_dtype=False)
        exact = ref.quantization is None and ref.dtype == "float32"
        model = tuned.merge_and_unload() if exact else tuned.get_base_model()  # type: ignore[assignment]  # peft: Module
    return model.eval()  # type: ignore[no-any-return]  # transformers wraps it, too


def load_config(ref: ModelRef) -> PretrainedConfig:
    """Load the settings beside the weights; nothing else is read.

    Raises:
        OSError: the model cannot be found or read, in one line with the remedy.
    """
    from transformers import AutoConfig

    config: PretrainedConfig = _from_pretrained(AutoConfig, ref)
    return config


def skeleton(ref: ModelRef) -> PreTrainedModel:
    """Build the model without weights, on torch's meta device: names and shapes, in a second even for large models.

    Raises:
        OSError: the model cannot be found or read, in one line with the remedy.
    """
    import torch
    from transformers import AutoModelForCausalLM

    config = load_config(ref)
    with torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config)
    return model


def tuned_model(ref: ModelRef, fitted: Path) -> ModelRef:
    """Return the tuned form of ``ref``: the whole model in ``fitted``/model if there is one, else its adapter."""
    whole = fitted / "model"
    if whole.is_dir():
        return replace(ref, name=str(whole), revision=None, adapter=None)
    return replace(ref, adapter=str(fitted / "adapter"))


def _has_file(ref: ModelRef, name: str) -> bool:
    from transformers.utils.hub import cached_file

    place, options = source(ref)
    try:
        return cached_file(place, name, **options, _raise_exceptions_for_missing_entries=False) is not None
    except OSError:
        return False  # loading reports the error


def _from_pretrained(loader: Any, ref: ModelRef, **options: Any) -> Any:
    from safetensors import SafetensorError
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    place, where = source(ref)
    try:
        return loader.from_pretrained(place, **where, **options)
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise OSError(
            f"cannot load model {ref.name!r} (revision {ref.revision}): {cause}; "
            "check model.name, and that the hub is reachable or the folder complete"
        ) from error


def stop_token_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """Return the ids that end a turn: the generation config's, the chat template's, the tokenizer's end of text."""
    return _stop_ids(model.generation_config, tokenizer)


def stop_token_ids_of(ref: ModelRef, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    """Return these ids without loading the model's weights, for engines that load them themselves.

    Raises:
        OSError: the model cannot be found or read, in one line with the remedy.
    """
    from transformers import AutoConfig, GenerationConfig

    if _has_file(ref, "generation_config.json"):
        return _stop_ids(_from_pretrained(GenerationConfig, ref), tokenizer)
    return _stop_ids(GenerationConfig.from_model_config(_from_pretrained(AutoConfig, ref)), tokenizer)


def _stop_ids(config: GenerationConfig | None, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
    configured = config.eos_token_id if config is not None else None
    ids = configured if isinstance(configured, list) else [configured]
    return tuple(sorted({int(i) for i in [*ids, tokenizer.eos_token_id, end_of_turn_id(tokenizer)] if i is not None}))


def with_lora(model: PreTrainedModel, config: LoraConfig, seed: int) -> PeftModel:
    """Build the policy: ``model`` frozen, with a new adapter whose weights ``seed`` determines.

    The reference of DPO is the same model inside ``disable_adapter()`` (docs/method.md#losses). The adapter is float32;
    the base stays as loaded: peft's preparation for quantised bases would convert embeddings and head to float32, and
    train another model than the one sampled from.
    """
    import torch
    from peft import PeftModel, get_peft_model

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        policy = get_peft_model(model, config)
    if not isinstance(policy, PeftModel):
        raise TypeError(f"peft returned {type(policy).__name__} for a LoRA config, expected a PeftModel")
    return policy
