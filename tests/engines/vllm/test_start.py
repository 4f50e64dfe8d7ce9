"""Settings and errors of vLLM's start that need no engine."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from conself.engines.vllm.engine import VllmEngine
from conself.engines.vllm.start import Runtime, devices, lora_rank, start
from conself.records import ModelRef

CONF = Path(__file__).parents[3] / "conf"
RUNTIME = Runtime(1, 20, 1, 0.9, None, 8, True, "ERROR")


@pytest.mark.parametrize(
    ("visible", "index", "each", "expected"),
    [
        (None, 0, 1, "0"),
        (None, 3, 1, "3"),
        (None, 1, 2, "2,3"),
        ("4,5,6,7", 1, 2, "6,7"),
        ("GPU-a,GPU-b", 1, 1, "GPU-b"),
        ("", 1, 1, ""),
    ],
)
def test_every_engine_has_gpus_of_its_own(visible: str | None, index: int, each: int, expected: str) -> None:
    assert devices(visible, index, each) == expected


def test_too_few_gpus_are_told() -> None:
    with pytest.raises(ValueError, match=r"runtime\.processes"):
        devices("0,1,2", 1, 2)


def adapter(folder: Path, **config: object) -> str:
    (folder / "adapter_config.json").write_text(json.dumps(config))
    return str(folder)


def test_the_least_rank_that_holds_the_adapter(tmp_path: Path) -> None:
    assert lora_rank(None) == 0
    assert lora_rank(adapter(tmp_path, r=1)) == 1
    assert lora_rank(adapter(tmp_path, r=4)) == 8
    assert lora_rank(adapter(tmp_path, r=16, rank_pattern=None)) == 16
    assert lora_rank(adapter(tmp_path, r=16, rank_pattern={"q_proj": 40})) == 64
    with pytest.raises(ValueError, match=r"the adapter has rank '16', which is no int: mend its adapter_config\.json"):
        lora_rank(adapter(tmp_path, r="16"))
    with pytest.raises(ValueError, match=r"the adapter has rank None, which is no int"):
        lora_rank(adapter(tmp_path, r=16, rank_pattern={"q_proj": None}))
    with pytest.raises(ValueError, match=r"cannot put DoRA adapters on; set training\.export=merged"):
        lora_rank(adapter(tmp_path, r=16, use_dora=True))
    with pytest.raises(ValueError, match="1024"):
        lora_rank(adapter(tmp_path, r=1024))
    with pytest.raises(OSError, match=r"model\.adapter"):
        lora_rank(str(tmp_path / "nowhere"))


def test_a_quantised_base_is_refused(model_ref: ModelRef) -> None:
    with pytest.raises(ValueError, match=r"model\.quantization=nf4"):
        start(replace(model_ref, quantization="nf4"), RUNTIME, None)


def test_without_vllm_the_remedy_is_told(model_ref: ModelRef, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    for name in [n for n in sys.modules if n.startswith("vllm.")]:
        monkeypatch.setitem(sys.modules, name, None)
    for name in ("VLLM_ENABLE_V1_MULTIPROCESSING", "VLLM_WORKER_MULTIPROC_METHOD", "VLLM_NO_USAGE_STATS"):
        monkeypatch.setenv(name, "1")
    for name in ("VLLM_LOGGING_LEVEL", "VLLM_CPU_OMP_THREADS_BIND"):
        monkeypatch.setenv(name, "")
    with pytest.raises(OSError, match=r"pip install 'conself\[vllm\]'") as caught:
        start(model_ref, RUNTIME, None)
    assert "\n" not in str(caught.value)


def test_importing_the_part_imports_no_vllm() -> None:
    program = "import sys, conself.engines.vllm.engine; sys.exit('vllm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_yaml_builds_the_engine() -> None:
    engine = instantiate(OmegaConf.load(CONF / "engine" / "vllm.yaml"), _convert_="all")
    assert engine == VllmEngine(None, Runtime(1, 20, 1, 0.9, None, 256, False, "ERROR"))
