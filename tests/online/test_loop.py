"""The loop on the tiny model: it learns, stops and goes on as it should."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from safetensors.torch import load_file

from conself.engines.transformers.ledger import Completion
from conself.guards.guard import Assessment, Probe
from conself.guards.none import NoGuard
from conself.losses.grpo import GRPO
from conself.online.loop import Report, like
from conself.online.rollouts import Prompts
from conself.online.snapshots import snapshots
from conself.prompts.prompts import PromptsByKind, Texts
from conself.records import ModelRef
from conself.store.curves import read_curve
from conself.training.device_learner import DeviceLearner
from conself.training.schedules import WarmupConstant
from tests.online.loop_world import LOSS, Says, method, train
from tests.online.online_world import WORDS, grading, problem, problems, rollout
from tests.training.resume_world import Stop, StoppedError
from tests.training.rollouts import near_policy
from tests.training.training_world import lora_policy, settings, tiny_qwen


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter" / "adapter_model.safetensors")


def facts(report: Report) -> dict[str, Any]:
    return {name: value for name, value in asdict(report).items() if name not in ("seconds", "phases")}


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_tiny_group_ends_in_the_loss_worked_out_by_hand() -> None:
    """On policy every ratio is 1: the loss is minus the sum of n A over the 10 tokens.

    -(5 * .62997 + 1 * .20999 - 4 * 1.46993) / 10 = .25199.
    """
    codes = ("def f(x): return 2 * x", "def f(x): return x + x", "def f(x): return 3 if x == 1 else 4", "(")
    tokens = ((7, 1), (8, 9, 1), (1,), (7, 7, 7, 1))
    drawn = [rollout(k, code, ids) for k, (code, ids) in enumerate(zip(codes, tokens, strict=True))]
    (group,), _ = grading()([problem("p")], [drawn], 0.0)
    example = group.example(scale=True)
    assert example is not None
    policy = lora_policy(tiny_qwen())
    learner = DeviceLearner(policy, LOSS, settings(), WarmupConstant(0), None)
    row = learner.step(near_policy([example], policy.model, off=0.0))
    assert row["loss"] == pytest.approx(0.25199, abs=2e-5)
    assert row["ratio"] == pytest.approx(1, abs=1e-6)


@pytest.fixture(scope="module")
def whole(model_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """A training that nothing stops."""
    out = tmp_path_factory.mktemp("whole") / "out"
    return train(model_ref, out, method(steps=12, snapshot_every=4)), out


def test_it_learns_what_is_rewarded(whole: tuple[Report, Path]) -> None:
    report, out = whole
    rows = read_curve(out)
    first, last = (sum(row["reward"] for row in part) / 3 for part in (rows[:3], rows[-3:]))
    assert last > 1.5 * first
    assert [row["step"] for row in rows] == list(range(12))
    assert (report.steps, report.kept_step, report.stopped) == (12, 12, None)
    assert report.sampled_tokens == sum(row["sampled_tokens"] for row in rows) <= 12 * 16 * 12
    assert report.trained_tokens == sum(row["trained_tokens"] for row in rows) < report.sampled_tokens


def test_what_draws_is_what_learns(whole: tuple[Report, Path]) -> None:
    """Each step's only update is on policy: the log-probs that tokens were drawn with are the learner's own."""
    rows = [row for row in read_curve(whole[1]) if "skipped" not in row]
    assert max(row["behaviour_kl"] for row in rows) < 1e-9
    assert all(row["ratio_max"] == pytest.approx(1, abs=1e-4) for row in rows)
    assert all(row["grad_norm"] > 0 for row in rows)


def test_snapshots_are_the_weights_on_the_way(whole: tuple[Report, Path], model_ref: ModelRef, tmp_path: Path) -> None:
    """The weights after four steps are those of a training of four, for its learning rate is constant."""
    assert list(snapshots(whole[1])) == [4, 8]
    train(model_ref, tmp_path / "four", method(steps=4))
    assert same(weights(snapshots(whole[1])[4]), weights(tmp_path / "four"))
    assert not same(weights(snapshots(whole[1])[8]), weights(tmp_path / "four"))


@pytest.mark.parametrize("step", [0, 3, 11])
def test_stopped_anywhere_it_ends_with_the_same_bits(
    step: int, whole: tuple[Report, Path], model_ref: ModelRef, tmp_path: Path
) -> None:
    """After the first step, before a snapshot, after the last; what was logged before is logged again."""
    out, chosen = tmp_path / "out", method(steps=12, snapshot_every=4)

    with pytest.raises(StoppedError):
        train(model_ref, out, chosen, StopAt(step))
    logger = CSVLogger(str(tmp_path), name="curve", version="0")
    report = train(model_ref, out, chosen, logger)
    assert facts(report) == facts(whole[0])
    assert (out / "steps.jsonl").read_bytes() == (whole[1] / "steps.jsonl").read_bytes()
    assert same(weights(out), weights(whole[1]))
    assert same(weights(snapshots(out)[8]), weights(snapshots(whole[1])[8]))
    assert len((tmp_path / "curve" / "0" / "metrics.csv").read_text().splitlines()) == 13
    assert not (out / "checkpoints").exists()


def test_probes_after_a_stop_are_held_against_the_winners_before_it(model_ref: ModelRef, tmp_path: Path) -> None:
    chosen = method(steps=4, guard=NoGuard(2, 2))
    train(model_ref, tmp_path / "whole", chosen)
    with pytest.raises(StoppedError):
        train(model_ref, tmp_path / "out", chosen, StopAt(2))
    train(model_ref, tmp_path / "out", chosen)
    whole, stopped = (read_curve(tmp_path / name) for name in ("whole", "out"))
    assert stopped == whole
    assert [row["step"] for row in whole if "held_out_like_first" in row] == [0, 2, 4]
    assert not (tmp_path / "out" / "checkpoints").exists()


class StopAt(Stop):
    """Stops the training when step ``step`` (from 0) is logged, before its checkpoint is written."""

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        if step == self.step and "train/reward" in metrics:
            raise StoppedError


def test_another_seed_is_another_training(whole: tuple[Report, Path], model_ref: ModelRef, tmp_path: Path) -> None:
    train(model_ref, tmp_path / "out", method(steps=1, seed=1))
    (row,) = read_curve(tmp_path / "out")
    assert row["sampled_tokens"] != read_curve(whole[1])[0]["sampled_tokens"]


def test_where_nothing_runs_nothing_is_learned_and_it_goes_on(model_ref: ModelRef, tmp_path: Path) -> None:
    """The tiny model writes no programs: by consensus every reward is 0, in every step."""
    chosen = replace(method(steps=3), grading=grading())
    report = train(model_ref, tmp_path / "out", chosen)
    rows = read_curve(tmp_path / "out")
    assert (report.steps, report.skipped, report.trained_tokens) == (3, 3, 0)
    assert [row["zero_variance"] for row in rows] == [1, 1, 1]
    assert all("loss" not in row for row in rows)
    assert all(not values.any() for name, values in weights(tmp_path / "out").items() if "lora_B" in name)


class StopsAfter:
    """Stops at the third probe, and wants the weights of the second."""

    held_out = 2
    every = 2

    def __call__(self, probes: Sequence[Probe]) -> Assessment:
        assert [probe.step for probe in probes] == list(range(0, 2 * len(probes), 2))
        return Assessment(1, "enough") if len(probes) == 3 else Assessment(len(probes) - 1, None)


def test_a_guard_stops_it_and_chooses_its_weights(model_ref: ModelRef, tmp_path: Path) -> None:
    report = train(model_ref, tmp_path / "out", method(steps=30, guard=StopsAfter()))
    assert (report.steps, report.kept_step, report.stopped) == (4, 2, "enough")
    assert (report.n_problems, report.n_held_out) == (3, 2)
    train(model_ref, tmp_path / "two", method(steps=2, guard=NoGuard(2, 5)))
    assert same(weights(tmp_path / "out"), weights(tmp_path / "two"))
    assert not snapshots(tmp_path / "out"), "nobody has asked for these"
    rows = read_curve(tmp_path / "out")
    assert [row["step"] for row in rows if "held_out_consensus" in row] == [0, 2, 4]
    assert report.probe_tokens == sum(row.get("held_out_sampled_tokens", 0) for row in rows) > 0


def test_probes_change_nothing_of_what_is_learned(model_ref: ModelRef, tmp_path: Path) -> None:
    """With and without probes on the same held-out problems: the same weights."""
    train(model_ref, tmp_path / "often", method(steps=4, guard=NoGuard(2, 1)))
    train(model_ref, tmp_path / "rarely", method(steps=4, guard=NoGuard(2, 4)))
    assert same(weights(tmp_path / "often"), weights(tmp_path / "rarely"))
    assert len([row for row in read_curve(tmp_path / "often") if "held_out_consensus" in row]) == 5


def test_a_divergence_from_the_reference_is_told(model_ref: ModelRef, tmp_path: Path) -> None:
    loss = GRPO(clip_low=0.2, clip_high=0.28, dual_clip=3.0, beta=0.01, mean_over="tokens")
    train(model_ref, tmp_path / "out", replace(method(steps=4), loss=loss))
    rows = read_curve(tmp_path / "out")
    assert rows[0]["kl"] == pytest.approx(0, abs=1e-9)
    assert rows[-1]["kl"] > 1e-4


def test_prompts_without_room_are_left_out_and_counted(model_ref: ModelRef) -> None:
    """A prompt of two words and one of 40, within 32 tokens."""
    long = problem("long", " ".join(["x9"] * 40))
    found = Prompts.of([*problems(2), long], model_ref, WORDS, 32)
    assert found.overlong == ("long",)
    assert sorted(found.ids) == ["p0", "p1"]
    assert [len(example.responses[0].tokens) for example in like(found, 100)] == [30, 1]
    with pytest.raises(ValueError, match="none of 1 prompts has room for a response within 32 tokens"):
        Prompts.of([long], model_ref, WORDS, 32)


def test_an_opened_answer_is_part_of_the_prompt_and_of_the_text(model_ref: ModelRef) -> None:
    """Word 7 opens every answer: it ends the prompt's tokens, is not among those learned, and begins the text."""
    texts = Texts("{statement} {n}", "{statement}", "{statement} {observation}", "x7 ")
    found = Prompts.of(problems(1), model_ref, PromptsByKind(None, "{starter_code}", texts, texts), 32)
    assert found.ids == {"p0": (10, 5, 7)}
    drawn = found.rollout(
        "p0", 0, Completion(np.array([9, 1]), "stop", np.zeros(2, np.float32), np.zeros(2, np.float32))
    )
    assert (drawn.text, drawn.token_ids, drawn.prompt_ids) == ("x7 x9", (9, 1), (10, 5, 7))


def test_a_line_of_the_curve_is_a_step(whole: tuple[Report, Path]) -> None:
    lines = (whole[1] / "steps.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(12))
    assert {"reward", "reward_sd", "zero_variance", "entropy", "length", "cut", "distinct_traces"} <= set(
        json.loads(lines[0])
    )


def test_the_reward_of_the_world_is_what_it_says() -> None:
    (group,), _ = grading(Says(21))([problem("p")], [[rollout(0, "x20 x21"), rollout(1, "x21 x21")]], 0.0)
    assert group.rewards == (0.5, 0)
