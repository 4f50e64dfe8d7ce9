"""Measure how fast this machine draws from a model, and choose between processes and threads by it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from joblib import cpu_count

from conself.executors.local import LocalExecutor
from conself.executors.threads import use_threads
from conself.models.transformers import load_config
from conself.records import ModelRef
from conself.runtime.console import new_console, say
from conself.runtime.locks import locked

if TYPE_CHECKING:
    from conself.engines.transformers.engine import Runtime

PROMPT = 256
"""Tokens per prompt, about as many as a problem has."""
_GROUP = 15
"""Samples of each prompt."""
_STEPS = 6
"""Tokens of each sample that are timed."""
_LEAST_RATIO = 1.1
"""Of the speeds of several processes and of one, for several to be chosen: each of them holds the weights."""
_FORM = 2
"""Raised whenever other things are measured."""
_measured: dict[Path, bool] = {}
"""Whether several processes were faster when this process measured; for a folder that cannot be written."""


@dataclass(frozen=True)
class Speed:
    """Tokens per second that all processes draw, and read of prompts; seconds until each has loaded the model."""

    drawing: float
    reading: float
    loading: float


def speeds(model: ModelRef, runtimes: Sequence[Runtime]) -> list[Speed]:
    """Time a few steps with each of some runtimes, none of more processes than the first, in processes that end.

    Raises:
        OSError, ValueError: the model cannot be loaded.
    """
    first, measured = runtimes[0], []
    with LocalExecutor(first.processes or 1, first.threads or 1) as workers:
        loading = max(workers.run(_load, [(model, first.device)] * workers.workers))
        for runtime in runtimes:
            tasks = [(model, runtime.device, runtime.rows, runtime.threads or 1)] * (runtime.processes or 1)
            drawing, reading = zip(*workers.run(_time, tasks), strict=True)
            measured.append(Speed(sum(drawing), sum(reading), loading))
    return measured


def faster(several: Runtime, one: Runtime, model: ModelRef) -> Runtime:
    """Return ``one`` process of many threads unless ``several`` processes draw clearly faster from this model here.

    Measured once, and remembered beside the Hugging Face cache (``HF_HOME``) for this processor, the shape of the model
    and both runtimes; where that folder cannot be written, by this process alone.

    Raises:
        OSError, ValueError: the model cannot be loaded.
    """
    path = _remembered(model, several, one)
    with ExitStack() as stack:
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(path.with_suffix(".lock"), "measuring how fast this machine draws"))
        return several if _several(path, several, one, model) else one


def _several(path: Path, several: Runtime, one: Runtime, model: ModelRef) -> bool:
    with suppress(OSError, ValueError, KeyError, TypeError):  # missing, or damaged: measured again
        return json.loads(path.read_text())["several"] is True
    if path not in _measured:
        console = new_console(stderr=True)
        say(console, f"drawing from {model.name}: {several}, or {one}? Measured once; kept in {path}")
        drawing = [speed.drawing for speed in speeds(model, [several, one])]
        say(console, f"{drawing[0]:,.0f} and {drawing[1]:,.0f} tokens per second")
        _measured[path] = drawing[0] > _LEAST_RATIO * drawing[1]
        facts = {"model": model.name, "runtimes": [str(several), str(one)], "tokens_per_second": drawing}
        with suppress(OSError):
            path.write_text(json.dumps({"several": _measured[path], **facts}) + "\n")
    return _measured[path]


def _remembered(model: ModelRef, several: Runtime, one: Runtime) -> Path:
    from huggingface_hub.constants import HF_HOME

    lines = Path("/proc/cpuinfo").read_text().splitlines()
    processor = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))})
    shape = load_config(model).to_json_string()
    divided = [str(several), str(one)]
    facts = [_FORM, processor, cpu_count(), version("torch"), shape, model.dtype, model.attention, divided]
    identity = sha256(json.dumps(facts).encode()).hexdigest()
    return Path(HF_HOME) / "conself" / "speed" / f"{identity[:32]}.json"


def _load(model: ModelRef, device: str) -> Iterator[float]:
    begun = time.perf_counter()
    from conself.engines.transformers.machine import loaded

    loaded(model, device)
    yield time.perf_counter() - begun


def _time(model: ModelRef, device: str, rows: int, threads: int) -> Iterator[tuple[float, float]]:
    """Yield the tokens per second that this process draws, and reads."""
    from conself.engines.decoding import Decoding
    from conself.engines.transformers.attention import grouped_attention
    from conself.engines.transformers.generation import Generator
    from conself.engines.transformers.ledger import Request
    from conself.engines.transformers.machine import loaded

    use_threads(threads)
    policy = loaded(model, device)[0]
    generator, decoding = Generator(policy, (), rows), Decoding(1.0, 1.0, _STEPS + 3, _GROUP)
    seeds = tuple(range(min(_GROUP, rows)))
    asks = [Request(tuple(range(at, at + PROMPT)), seeds) for at in range(max(1, rows // _GROUP))]
    took = []
    with grouped_attention(policy):
        for prompts in asks[:1], asks:  # the first one sets up kernels
            for ask in prompts:
                generator.add(ask, decoding, None, lambda _place, _completion: None)
            took = [_seconds(generator.step) for _ in range(_STEPS + 2)]  # prompts are read in the first of them
            generator.clear()
    step = sum(took[2:]) / _STEPS
    yield len(seeds) * len(asks) / step, PROMPT * len(asks) / max(took[0] - step, 1e-6)


def _seconds(act: Callable[[], None]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun
