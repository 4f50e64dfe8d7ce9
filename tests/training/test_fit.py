"""From pairs to an adapter folder."""

import csv
import json
import math
import multiprocessing
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from peft import PeftModel
from transformers import PreTrainedModel

from conself.losses.con_dpo import ConDPO
from conself.losses.output import Loss
from conself.losses.sft import SFT
from conself.models.transformers import load_policy, load_tokenizer, with_lora
from conself.records import ModelRef
from conself.training.data import Example, encode, global_batches
from conself.training.device_learner import DeviceLearner
from conself.training.fit import fit
from conself.training.layouts.shared import SharedLayout
from conself.training.lightning import PreferenceModule
from conself.training.micro_batches import MicroBatch
from conself.training.policy.export import save_adapter
from tests.training.training_world import LORA, runtime, scored, settings, tiny_qwen, token_pairs, toy_pairs

LOSS = ConDPO(beta=0.5)


@dataclass(frozen=True)
class Witness:
    """The shared layout, and a note of all pairs that it was asked to cut and to lay out."""

    layout: SharedLayout = field(default_factory=lambda: SharedLayout(512, None))
    cuts: list[list[Example]] = field(default_factory=list)
    laid: list[list[Example]] = field(default_factory=list)

    @property
    def token_budget(self) -> int:
        return self.layout.token_budget

    def prepare(self, model: PreTrainedModel, pairs: Sequence[Example]) -> None:
        self.layout.prepare(model, pairs)

    def cut(self, pairs: Sequence[Example]) -> list[list[Example]]:
        self.cuts.append(list(pairs))
        return self.layout.cut(pairs)

    def lay(self, pairs: Sequence[Example]) -> MicroBatch:
        self.laid.append(list(pairs))
        return self.layout.lay(pairs)


def test_fit_learns_the_preference_and_reports(model_ref: ModelRef, tmp_path: Path) -> None:
    report = fit(toy_pairs(), model_ref, settings(epochs=6), LOSS, 0, tmp_path, tmp_path / "reference", None)
    assert (report.steps, report.epochs, report.n_pairs, report.n_overlong) == (12, 6, 8, 0)
    assert len(report.curve) == 12
    assert report.curve[-1]["accuracy"] == 1.0
    assert report.curve[-1]["margin"] > 1.0
    assert report.curve[-1]["loss"] < report.curve[0]["loss"]
    assert all(row["mean_weight"] == 0.5 for row in report.curve)
    # Per epoch and pair: a winner of 1 + p words, a loser of 3 + p, an end of turn after each.
    assert report.n_tokens == 6 * sum(2 * (1 + p + 1 + 3 + p + 1) for p in range(4))
    assert report.seconds > 0


def test_the_adapter_folder_loads_and_prefers_the_winners(model_ref: ModelRef, tmp_path: Path) -> None:
    fit(toy_pairs(), model_ref, settings(epochs=6), LOSS, 0, tmp_path, tmp_path / "reference", None)
    config = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == model_ref.name
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()
    tuned = load_policy(replace(model_ref, adapter=str(tmp_path / "adapter")), "cpu")
    with torch.no_grad():
        before, after = (m(torch.tensor([[10, 5, 6]])).logits[0, -1] for m in (tiny_qwen(), tuned))
    assert after[20] - after[30] > before[20] - before[30] + 0.5


def test_who_may_read_an_adapters_config_may_read_its_weights(model_ref: ModelRef, tmp_path: Path) -> None:
    fit(toy_pairs(), model_ref, settings(epochs=1), LOSS, 0, tmp_path, tmp_path / "reference", None)
    assert len({path.stat().st_mode for path in (tmp_path / "adapter").glob("adapter_*")}) == 1


def test_a_saved_adapter_reproduces_the_log_probs(tmp_path: Path) -> None:
    policy = with_lora(tiny_qwen(), LORA.config(), seed=3)
    with torch.no_grad():
        for name, parameter in policy.named_parameters():
            if "lora_B" in name:
                parameter.normal_(generator=torch.Generator().manual_seed(1))
    save_adapter(policy, ModelRef("some/model", "main", None, "float32", "sdpa", None), tmp_path, None)
    again = PeftModel.from_pretrained(tiny_qwen(), str(tmp_path)).eval()
    layout, pairs = SharedLayout(10_000, None), token_pairs([2, 3])
    saved, base = (scored(model, layout, pairs) for model in (policy.get_base_model(), tiny_qwen()))
    loaded = scored(again.get_base_model(), layout, pairs)
    for response in saved:
        assert torch.equal(loaded[response], saved[response])
        assert not torch.allclose(base[response], saved[response], atol=1e-3)


def test_same_seed_same_bits_and_another_seed_another_adapter(model_ref: ModelRef, tmp_path: Path) -> None:
    weights = []
    for run, seed in enumerate((0, 0, 1)):
        torch.manual_seed(run)  # the state of the process must not matter
        fit(toy_pairs(), model_ref, settings(), LOSS, seed, tmp_path / str(run), tmp_path / "reference", None)
        weights.append((tmp_path / str(run) / "adapter" / "adapter_model.safetensors").read_bytes())
    assert weights[0] == weights[1]
    assert weights[0] != weights[2]


def test_every_pair_once_per_epoch_and_the_reference_once(model_ref: ModelRef, tmp_path: Path) -> None:
    witness = Witness()
    chosen = settings(epochs=3, batch_size=3, runtime=runtime(witness))
    fit(toy_pairs(), model_ref, chosen, LOSS, 7, tmp_path, tmp_path / "reference", None)
    everything, _ = encode(toy_pairs(), load_tokenizer(model_ref), 32)
    expected = [b for epoch in range(3) for b in global_batches(everything, 3, 7, epoch, by_problem=True)]
    assert [sorted(p.name for p in cut) for cut in witness.cuts[-9:]] == [sorted(p.name for p in b) for b in expected]
    assert [len(batch) for batch in expected] == [3, 3, 2] * 3
    problems = [laid for laid in witness.laid if len({pair.problem_id for pair in laid}) == 1]
    first = [{pair.problem_id for pair in laid} for laid in problems[1:5]]  # the very first was the trial of the layout
    assert first == [{"p0"}, {"p1"}, {"p2"}, {"p3"}], "the reference: every problem, by itself"


def test_sft_needs_no_reference_and_no_losers(model_ref: ModelRef, tmp_path: Path) -> None:
    witness = Witness()
    chosen = settings(epochs=6, runtime=runtime(witness))
    winners = [replace(pair, rejected=None, rejected_index=None) for pair in toy_pairs(losers=1)]
    report = fit(winners, model_ref, chosen, SFT(), 0, tmp_path, tmp_path / "reference", None)
    assert len(witness.laid) == 1 + report.steps, "one trial of the layout, no reference"
    assert report.curve[-1]["loss"] < report.curve[0]["loss"]
    diagnostics = {"chosen_log_prob", "perplexity"}
    assert report.curve[0].keys() == {"loss", "learning_rate", "grad_norm", "mean_weight", *diagnostics}


def test_overlong_pairs_are_counted(model_ref: ModelRef, tmp_path: Path) -> None:
    """The losers of problem p take 3 + 3 + p + 1 tokens: at most 8 keeps problems 0 and 1."""
    report = fit(
        toy_pairs(), model_ref, settings(max_length=8, epochs=1), LOSS, 0, tmp_path, tmp_path / "reference", None
    )
    assert (report.n_pairs, report.n_overlong) == (4, 4)


def test_nothing_to_train_on_is_said_with_the_remedy(model_ref: ModelRef, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are no pairs to train on; widen the curriculum"):
        fit([], model_ref, settings(), LOSS, 0, tmp_path, tmp_path / "reference", None)
    with pytest.raises(ValueError, match=r"all 8 pairs are longer than training.max_length \(4 tokens\); raise it"):
        fit(toy_pairs(), model_ref, settings(max_length=4), LOSS, 0, tmp_path, tmp_path / "reference", None)
    assert not list(tmp_path.iterdir())


def test_a_broken_pair_stops_the_run_and_leaves_no_adapter(model_ref: ModelRef, tmp_path: Path) -> None:
    pairs = [replace(pair, winner_weight=math.inf) for pair in toy_pairs(problems=1)]
    with pytest.raises(FloatingPointError, match=r"loss is inf at step 0 \(problems: p0\)"):
        fit(pairs, model_ref, settings(), LOSS, 0, tmp_path, tmp_path / "reference", None)
    assert not (tmp_path / "adapter").exists()


def test_an_interruption_is_one_for_the_caller(
    model_ref: ModelRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lightning would have the process exit with status 1, without a word; entry points know better."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PreferenceModule, "training_step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(toy_pairs(), model_ref, settings(), LOSS, 0, tmp_path, tmp_path / "reference", None)
    assert not (tmp_path / "adapter").exists()


def test_curves_reach_the_logger_step_by_step(model_ref: ModelRef, tmp_path: Path) -> None:
    logger = CSVLogger(str(tmp_path), name="curves", version="0")
    report = fit(toy_pairs(), model_ref, settings(), LOSS, 0, tmp_path, tmp_path / "reference", logger)
    with (Path(logger.log_dir) / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(report.steps))
    assert [float(row["train/loss"]) for row in rows] == pytest.approx([row["loss"] for row in report.curve])
    assert {"train/margin", "train/accuracy", "train/learning_rate", "train/grad_norm"} <= rows[0].keys()


@pytest.mark.slow
def test_a_large_model_is_trained_in_a_process_that_ends_and_all_is_as_in_this_one(
    model_ref: ModelRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = fit(toy_pairs(), model_ref, settings(), LOSS, 0, tmp_path / "here", tmp_path / "reference", None)
    monkeypatch.setattr("conself.training.memory.LARGE", 0)
    monkeypatch.setattr(DeviceLearner, "step", lambda *_: pytest.fail("it is trained in this process"))
    logger = CSVLogger(str(tmp_path), name="curves", version="0")
    apart = fit(toy_pairs(), model_ref, settings(), LOSS, 0, tmp_path / "apart", tmp_path / "reference", logger)
    assert replace(apart, seconds=here.seconds) == here
    files = [tmp_path / where / "adapter" / "adapter_model.safetensors" for where in ("here", "apart")]
    assert files[0].read_bytes() == files[1].read_bytes()
    with (Path(logger.log_dir) / "metrics.csv").open() as file:
        losses = [float(row["train/loss"]) for row in csv.DictReader(file)]
    assert losses == pytest.approx([row["loss"] for row in apart.curve])
    assert not multiprocessing.active_children()


def test_training_is_silent_when_progress_is_off(
    model_ref: ModelRef, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(toy_pairs(), model_ref, settings(epochs=1), LOSS, 0, tmp_path, tmp_path / "reference", None)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize(
    ("loss", "words"), [(SFT(), "no losers; choose pairing=winner_only"), (ConDPO(beta=0.1), "a loser in every")]
)
def test_pairs_that_do_not_suit_the_loss_are_refused(
    loss: Loss, words: str, model_ref: ModelRef, tmp_path: Path
) -> None:
    pairs = [replace(p, rejected=None, rejected_index=None) if loss.needs_losers else p for p in toy_pairs()]
    with pytest.raises(ValueError, match=words):
        fit(pairs, model_ref, settings(), loss, 0, tmp_path, tmp_path / "reference", None)
