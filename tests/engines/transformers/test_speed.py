"""Processes or threads: times worked out by hand, and a choice that is measured once and remembered."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import constants

import conself.engines.transformers.machine  # noqa: F401  # before Slow stands in for its generator
from conself.engines.transformers import speed
from conself.engines.transformers.engine import Runtime
from conself.records import ModelRef

SEVERAL = Runtime(batch_size=16, device="cpu", processes=2, shards_per_task=1, threads=1)
ONE = replace(SEVERAL, batch_size=32, processes=1, threads=2)


class Slow:
    """A generator on a clock: 100 s to set up, 3 s to read a prompt, and half a second per step."""

    clock = 0.0
    waiting = 0
    is_set_up = False

    def __init__(self, *_: object) -> None:
        pass

    def add(self, *_: object) -> None:
        self.waiting += 1

    def step(self) -> None:
        Slow.clock += 0.5 + 3 * self.waiting + (0 if self.is_set_up else 100)
        self.waiting, self.is_set_up = 0, True

    def clear(self) -> None:
        pass


def test_what_only_the_first_pass_takes_is_left_out(monkeypatch: pytest.MonkeyPatch, model_ref: ModelRef) -> None:
    monkeypatch.setattr(speed.time, "perf_counter", lambda: Slow.clock)
    monkeypatch.setattr(speed, "use_threads", lambda _: None)  # it would last beyond this test
    monkeypatch.setattr("conself.engines.transformers.generation.Generator", Slow)
    # of 32 rows two groups of 15: two prompts of 256 tokens in 6 s, 30 tokens in half a second
    assert list(speed._time(model_ref, "cpu", 32, 2)) == [(30 / 0.5, 2 * 256 / 6.0)]
    # of 8 rows one group of 8
    assert list(speed._time(model_ref, "cpu", 8, 2)) == [(8 / 0.5, 256 / 3.0)]


@pytest.mark.parametrize(("drawing", "chosen"), [((110, 100), ONE), ((111, 100), SEVERAL), ((90, 100), ONE)])
def test_several_processes_must_be_a_tenth_faster(
    drawing: tuple[float, float],
    chosen: Runtime,
    monkeypatch: pytest.MonkeyPatch,
    model_ref: ModelRef,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))
    monkeypatch.setattr(speed, "_measured", {})
    measure: Callable[..., list[speed.Speed]] = lambda *_: [speed.Speed(rate, 1, 1) for rate in drawing]  # noqa: E731
    monkeypatch.setattr(speed, "speeds", measure)
    assert speed.faster(SEVERAL, ONE, model_ref) == chosen


@pytest.mark.e2e
def test_measured_once_and_remembered(
    monkeypatch: pytest.MonkeyPatch, model_ref: ModelRef, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path))
    assert speed.faster(SEVERAL, ONE, model_ref) in (SEVERAL, ONE)
    assert "Measured once" in capfd.readouterr().err
    (file,) = tmp_path.rglob("*.json")
    monkeypatch.setattr(speed, "_measured", {})  # another process, from here on
    found = json.loads(file.read_text())
    rates = found["tokens_per_second"]
    assert min(rates) > 0
    assert found["several"] == (rates[0] > 1.1 * rates[1])
    for several, chosen in ((True, SEVERAL), (False, ONE)):
        file.write_text(json.dumps({"several": several}))
        assert speed.faster(SEVERAL, ONE, model_ref) == chosen
    assert capfd.readouterr().err == "", "nothing is measured again"
    file.write_text("{")
    assert speed.faster(SEVERAL, ONE, model_ref) in (SEVERAL, ONE)
    assert json.loads(file.read_text())["runtimes"] == [str(SEVERAL), str(ONE)]


def test_another_shape_dtype_or_division_is_another_measurement(model_ref: ModelRef) -> None:
    asked = [(model_ref, ONE), (replace(model_ref, dtype="bfloat16"), ONE), (model_ref, replace(ONE, threads=3))]
    assert len({speed._remembered(model, SEVERAL, one) for model, one in asked}) == 3
    fewer = speed._remembered(model_ref, SEVERAL, replace(ONE, batch_size=7))
    assert fewer != speed._remembered(model_ref, SEVERAL, ONE)
    tuned = replace(model_ref, adapter="somewhere")
    assert speed._remembered(tuned, SEVERAL, ONE) == speed._remembered(model_ref, SEVERAL, ONE)


def test_where_nothing_can_be_kept_each_process_measures_once(
    monkeypatch: pytest.MonkeyPatch, model_ref: ModelRef, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "file"))  # no folder can be made in it
    monkeypatch.setattr(speed, "_measured", {})
    measured: list[object] = []

    def speeds(*asked: object) -> list[speed.Speed]:
        measured.append(asked)
        return [speed.Speed(200, 1, 1), speed.Speed(100, 1, 1)]

    monkeypatch.setattr(speed, "speeds", speeds)
    assert [speed.faster(SEVERAL, ONE, model_ref) for _ in range(2)] == [SEVERAL, SEVERAL]
    assert len(measured) == 1
