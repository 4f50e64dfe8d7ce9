"""``make real``: its words, its config, and the time that it says, worked out by hand from given rates."""

from pathlib import Path

import pytest

from conself.engines.transformers.engine import Runtime
from conself.engines.transformers.speed import Speed
from conself.records import Candidate
from conself.store.tables import write_records
from experiments.real import expected as time_to_expect
from experiments.real.__main__ import configured, main, words_of
from experiments.real.same import main as same

LOCAL = "dataset.path=problems.jsonl"


def test_a_size_stands_for_words_and_further_words_come_last() -> None:
    assert words_of([LOCAL]) == ["experiment=conself", "size=real", LOCAL]
    smoke = words_of(["tau=0.5", "size=smoke"])
    assert smoke[:3] == ["experiment=conself", "size=real", "max_problems=10"]
    assert smoke[-1] == "tau=0.5"


def test_the_round_trains_on_what_it_does_not_hold_out() -> None:
    config = configured(words_of([LOCAL, "size=smoke"]))
    held_out = config.benchmark.leetcode_validation.dataset
    assert (config.dataset.split, held_out.split) == ("train", "validation")
    assert held_out.path == config.dataset.path == "problems.jsonl"
    assert held_out.validation_size == config.dataset.validation_size == 10
    assert (config.model.name, config.max_problems, config.method) == ("weights/qwen2_5_coder_0_5b", 10, "conself")
    assert set(configured(words_of([LOCAL])).benchmark) == {"humaneval", "leetcode_validation"}


@pytest.mark.e2e
@pytest.mark.parametrize("word", ["size=huge", "tau=", "no_such_key=1"])
def test_wrong_words_end_in_one_line(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word]) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert said.err.count("\n") == 1


def test_the_time_to_expect_by_hand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One embedded problem in two: 2 x 15 answers and two lists of observations, 3 answers before and after."""
    words = ["max_problems=2", "dataset.size=4", "benchmark.minipy.size=3", "training.epochs=1"]
    words += ["sampler.max_new_tokens=100", "sampler.max_observation_tokens=50", "decoder.max_new_tokens=200"]
    monkeypatch.setattr(time_to_expect, "speeds", lambda *_: [Speed(10.0, 100.0, 7.0)])
    monkeypatch.setattr("conself.engines.transformers.engine.free_bytes", lambda: int(64e9))
    line = time_to_expect.expected(configured([*words, f"artifacts={tmp_path}"]))
    # To draw: .6 x (30 x 100 + 2 x 50 + 6 x 200) = 2,580. To train on: half of 2 problems x (256 + 4 x 60) = 496.
    # To read: 2 x 2 prompts to draw from, 6 to answer, and 30 answers to embed.
    # Loaded to sample, to embed, to fit, and to answer twice.
    # 2,580 / 10 + (4 x 496 + 30 x 60 + 256 x 10) / 100 + 5 x 7 = 258 + 63.44 + 35 s.
    assert line.startswith("about 0:06:00 (h:mm:ss) on this machine: 2,580 tokens to draw at 10/s, 496 to train on")


def test_a_runtime_is_told_in_words() -> None:
    assert str(Runtime(119, "cpu", 2, 1, 1)) == "2 x 1 threads x 119 sequences"


def test_texts_that_two_runs_share(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of three texts that both have two are equal; the second has one more."""
    runs = {"first": ["a", "b", "c"], "second": ["a", "B", "c", "d"]}
    for name, drawn in runs.items():
        (tmp_path / name).mkdir()
        rows = [Candidate("p", i, None, text, None, "stop", None, None, None, 1) for i, text in enumerate(drawn)]
        write_records(tmp_path / name / "candidates-0000000-50.parquet", Candidate, rows)
    same([str(tmp_path / name) for name in runs])
    assert capsys.readouterr().out == "2 of 3 texts are the same (0.667); 3 and 4 there\n"
    with pytest.raises(SystemExit, match="no candidate of the same problem"):
        same([str(tmp_path), str(tmp_path / "first")])
    with pytest.raises(SystemExit, match="name two folders"):
        same([])
