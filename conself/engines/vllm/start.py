"""Start vLLM: its settings, silenced output, and its start-up errors in one line with a remedy."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from huggingface_hub import snapshot_download

from conself.engines.decoding import check_cut
from conself.executors.executor import worker_index
from conself.models.hub import local_place, source
from conself.records import ModelRef
from conself.sandbox.jsonlines import Json

if TYPE_CHECKING:
    from vllm.v1.engine.llm_engine import LLMEngine

LORA_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The values that vLLM accepts as ``max_lora_rank``."""

_GIB = 1 << 30

# As the process found it: a second engine must not cut its GPUs from those of the first.
_VISIBLE = os.environ.get("CUDA_VISIBLE_DEVICES")

# A text in a start-up error -> the remedy. The first match is used.
_REMEDIES = (
    (
        "is less than",
        "lower runtime.gpu_memory_utilization or runtime.kv_cache_gib, or end other processes that use the memory",
    ),
    ("cache", "lower max_model_len or raise runtime.gpu_memory_utilization (on a CPU: runtime.kv_cache_gib)"),
    ("memory", "lower runtime.gpu_memory_utilization, or raise runtime.tensor_parallel"),
    ("rchitecture", "choose engine=transformers, which runs any causal model of transformers"),
    ("max_model_len", "set max_model_len to null or to no more than the model's context"),
    ("attention heads", "set runtime.tensor_parallel to a divisor of the model's number of attention heads"),
    ("orld size", "set runtime.tensor_parallel to at most the number of GPUs"),
    ("dtype", "set model.dtype to float32, bfloat16 or float16"),
    ("LoRA", "merge the adapter into the model, or choose engine=transformers"),
)
_ELSE = "set runtime.log_level=DEBUG to see vLLM's own log, or choose engine=transformers"


@dataclass(frozen=True)
class Runtime:
    """Settings that change speed and memory, not results.

    ``processes`` engines (None: one) draw at once, each on its own ``tensor_parallel`` GPUs and ``shards_per_task``
    shards in one stream. An engine takes ``gpu_memory_utilization`` of its GPUs' memory; ``kv_cache_gib``, if not None,
    sets the size of keys and values instead. ``max_num_seqs`` samples are decoded together.
    """

    threads: ClassVar[int] = 1  # of the code that feeds an engine; vLLM manages its own

    processes: int | None
    shards_per_task: int
    tensor_parallel: int
    gpu_memory_utilization: float
    kv_cache_gib: float | None
    max_num_seqs: int
    enforce_eager: bool
    log_level: str

    def __post_init__(self) -> None:
        check_cut(self.processes, self.shards_per_task)


def start(ref: ModelRef, runtime: Runtime, max_model_len: int | None) -> LLMEngine:
    """Start a vLLM ``LLMEngine`` for the base model of ``ref`` in this process, with LoRA enabled if ``ref`` needs it.

    Raises:
        OSError: vLLM or the model is missing; with the remedy.
        ValueError: vLLM cannot serve this model with these settings; with the remedy.
    """
    check_served(ref)
    model, revision = _where(ref)
    _prepare(runtime)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _engine(model, revision, ref, runtime, max_model_len)
    except ImportError as error:
        raise OSError(
            f"engine=vllm needs vLLM, which cannot be imported ({error}): pip install 'conself[vllm]', "
            "or choose engine=transformers"
        ) from error
    except Exception as error:  # vLLM raises whatever its parts raise
        raise ValueError(f"vLLM cannot serve {ref.name!r}: {_in_one_line(error)}; {_remedy(error)}") from error


def check_served(ref: ModelRef) -> None:
    """Check that the model is neither quantised by bitsandbytes nor a GGUF file, which are not supported with vLLM.

    Raises:
        OSError: the model's folder or file does not exist.
        ValueError: it is one of these; with the remedy.
    """
    if ref.quantization is not None:
        raise ValueError(
            f"vLLM does not read bitsandbytes' model.quantization={ref.quantization}; "
            "set model.quantization=null, or choose engine=transformers"
        )
    place = local_place(ref)
    if place is not None and place.is_file():
        raise ValueError(
            f"vLLM is not given GGUF files ({place}); choose engine=transformers, "
            "or set model.name to the model's hub id or folder"
        )


def _where(ref: ModelRef) -> tuple[str, str | None]:
    """Return a folder and None, or a hub id and its commit; the cache's folder if the hub is unreachable."""
    name, options = source(ref)
    if not options:
        return name, None
    commit = str(options["revision"].resolved)
    if options["local_files_only"]:
        return snapshot_download(name, revision=commit, local_files_only=True), None
    return name, commit


def _prepare(runtime: Runtime) -> None:
    """Set the environment variables that vLLM reads, before it is imported."""
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # its core in this process
    os.environ["VLLM_WORKER_MULTIPROC_METHOD"] = "spawn"
    os.environ["VLLM_NO_USAGE_STATS"] = "1"
    os.environ["VLLM_LOGGING_LEVEL"] = runtime.log_level
    logging.getLogger("vllm").setLevel(runtime.log_level)  # it speaks before it reads that
    os.environ.setdefault("VLLM_CPU_OMP_THREADS_BIND", "nobind")  # two engines would bind to the same cores
    if (runtime.processes or 1) > 1:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices(_VISIBLE, worker_index(), runtime.tensor_parallel)


def devices(visible: str | None, index: int, each: int) -> str:
    """Return CUDA_VISIBLE_DEVICES of engine ``index`` with ``each`` GPUs, out of ``visible`` (None: all of them).

    Raises:
        ValueError: there are too few.
    """
    first, end = index * each, (index + 1) * each
    if visible is None:
        return ",".join(map(str, range(first, end)))
    names = [name for name in visible.split(",") if name]
    if visible and len(names) < end:  # an empty list hides all GPUs: vLLM for CPUs
        raise ValueError(
            f"engine {index + 1} needs GPUs number {first + 1} to {end} of CUDA_VISIBLE_DEVICES={visible}; "
            "lower runtime.processes or runtime.tensor_parallel"
        )
    return ",".join(names[first:end])


def _engine(model: str, revision: str | None, ref: ModelRef, runtime: Runtime, max_model_len: int | None) -> LLMEngine:
    from vllm.engine.arg_utils import EngineArgs
    from vllm.platforms import current_platform
    from vllm.usage.usage_lib import UsageContext
    from vllm.v1.engine.llm_engine import LLMEngine

    if runtime.enforce_eager:
        import torch._dynamo

        torch._dynamo.config.disable = True  # vLLM would still compile a few small kernels at the first token
    # A prompt that is read in parts takes its seed's generator a token back, which those of a CPU cannot do.
    whole = {"enable_chunked_prefill": False} if current_platform.is_cpu() else {}
    rank = lora_rank(ref.adapter)
    lora = {"enable_lora": True, "max_lora_rank": rank, "max_loras": 1} if rank else {}
    args = EngineArgs(
        model=model,
        revision=revision,
        tokenizer_revision=revision,
        dtype=ref.dtype,
        tensor_parallel_size=runtime.tensor_parallel,
        gpu_memory_utilization=runtime.gpu_memory_utilization,
        kv_cache_memory_bytes=None if runtime.kv_cache_gib is None else int(runtime.kv_cache_gib * _GIB),
        max_num_seqs=runtime.max_num_seqs,
        max_model_len=max_model_len,
        enforce_eager=runtime.enforce_eager,
        enable_prefix_caching=True,
        logprobs_mode="raw_logprobs",  # before temperature and nucleus
        max_logprobs=-1,
        generation_config="vllm",  # the model's own temperature, top_k and penalties stay out
        disable_log_stats=True,
        use_tqdm_on_load=False,
        **whole,
        **lora,
    )
    return LLMEngine.from_engine_args(args, usage_context=UsageContext.LLM_CLASS)


def lora_rank(adapter: str | None) -> int:
    """Return the least rank accepted by vLLM that fits the adapter in PEFT folder ``adapter``; 0 for None.

    Raises:
        OSError: there is no such adapter.
        ValueError: vLLM does not support it.
    """
    if adapter is None:
        return 0
    path = Path(adapter) / "adapter_config.json"
    if not path.is_file():
        raise OSError(f"{path} does not exist; set model.adapter to a folder that PEFT saved an adapter in, or to null")
    return check_lora(json.loads(path.read_text()))


def check_lora(config: Mapping[str, Json]) -> int:
    """Return the least of ``LORA_RANKS`` that fits an adapter, given its PEFT config.

    Raises:
        ValueError: vLLM does not support such an adapter.
    """
    remedy = "set training.export=merged and use the merged model beside it, or choose engine=transformers"
    if config.get("use_dora"):
        raise ValueError(f"vLLM cannot put DoRA adapters on; {remedy}")
    pattern = config.get("rank_pattern")
    ranks = [config.get("r"), *(pattern.values() if isinstance(pattern, dict) else ())]
    if wrong := [rank for rank in ranks if type(rank) is not int]:
        raise ValueError(f"the adapter has rank {wrong[0]!r}, which is no int: mend its adapter_config.json")
    rank = max(rank for rank in ranks if isinstance(rank, int))
    if rank > LORA_RANKS[-1]:
        raise ValueError(f"the adapter has rank {rank}, vLLM's largest is {LORA_RANKS[-1]}; {remedy}")
    return next(size for size in LORA_RANKS if size >= rank)


def _in_one_line(error: Exception) -> str:
    """Shorten a message, which may be pages long, to its first sentence."""
    text = " ".join(str(error).split("[type=")[0].split()) or type(error).__name__
    return text.split("Value error, ")[-1].split(". ")[0].removesuffix(".")[:300]


def _remedy(error: Exception) -> str:
    text = str(error)
    return next((remedy for sign, remedy in _REMEDIES if sign in text), _ELSE)
