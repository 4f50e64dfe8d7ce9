"""Two processes train what one trains; what goes wrong in one of them ends both, and is told once."""

import csv
import math
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from pickle import PicklingError

import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from safetensors.torch import load_file
from torch import Tensor

from conself.losses.con_dpo import ConDPO
from conself.losses.sft import SFT
from conself.records import ModelRef
from conself.training.data import deal, encode, global_batches
from conself.training.device_learner import open_here
from conself.training.fit import fit
from conself.training.layouts.shared import SharedLayout
from conself.training.policy.tuning import Full
from conself.training.schedules import WarmupCosine
from conself.training.settings import Training
from conself.training.strategies.distributed import DDP, FSDP, Sharing, check_devices
from conself.training.strategies.ranks import ALONE, Ranks
from tests.training.strategies import lost_ranks
from tests.training.strategies.lost_ranks import lose_one, together
from tests.training.training_world import runtime, settings, toy_pairs, word_tokenizer

PAIRS = toy_pairs(problems=5)[:-1]
"""Nine pairs in batches of 4, 4 and 1: the last is less than one for each process."""

STRATEGIES: tuple[Sharing, ...] = (DDP(), FSDP())
CASES = [(kind, sharing) for kind in ("lora", "full", "sft") for sharing in STRATEGIES]


def chosen(kind: str, devices: int, sharing: Sharing) -> Training:
    """A small budget, so that the processes have unlike numbers of micro-batches."""
    shared = runtime(
        SharedLayout(24, flex_above=None),
        devices=devices,
        strategy=sharing,
        gradient_checkpointing=float(kind == "lora"),
    )
    changes = {"tuning": Full(), "export": "merged", "learning_rate": 1e-3} if kind == "full" else {}
    return settings(runtime=shared, **changes)


Curve = list[dict[str, float]]


def train(kind: str, sharing: Sharing, model: ModelRef, root: Path, ranks: Ranks, stop_at: int | None = None) -> Curve:
    """One training by a plain loop, or one that is stopped and another that goes on; ``root`` gets the weights."""
    winners = [replace(p, rejected=None, rejected_index=None) for p in PAIRS[::2]]
    loss, pairs = (SFT(), winners) if kind == "sft" else (ConDPO(beta=0.5), PAIRS)
    made, (examples, _) = chosen(kind, ranks.count, sharing), encode(pairs, word_tokenizer(), 32)
    batches = [b for epoch in range(made.epochs) for b in global_batches(examples, made.batch_size, 0, epoch, True)]
    arguments = (
        model,
        made,
        loss,
        0,
        WarmupCosine(len(batches), made.warmup_ratio),
        examples,
        root / "reference",
        ranks,
    )
    learner, curve = open_here(*arguments), []
    for step, batch in enumerate(batches):
        if step == stop_at:
            learner.save_state(root / "state.safetensors", {})
            learner = open_here(*arguments)
            learner.load_state(root / "state.safetensors")
        curve.append(learner.step(batch))
    learner.save(root / made.tuning.folder)
    return curve


def train_all(model: ModelRef, root: Path, ranks: Ranks) -> list[Curve]:
    """All cases one after another: starting processes takes longer than training."""
    return [train(kind, sharing, model, folder(root, kind, sharing), ranks) for kind, sharing in CASES]


def train_again(model: ModelRef, root: Path, ranks: Ranks) -> None:
    """Some of them, each interrupted after four steps and taken up again."""
    for kind, sharing in CASES[:4]:
        train(kind, sharing, model, folder(root, kind, sharing), ranks, stop_at=4)


def folder(root: Path, kind: str, sharing: Sharing) -> Path:
    return root / kind / type(sharing).__name__


def weights(root: Path) -> dict[str, Tensor]:
    (path,) = [*root.glob("adapter/*.safetensors"), *root.glob("model/*.safetensors")]
    return dict(load_file(path))


@pytest.fixture(scope="module")
def by_two(model_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Curve]]:
    """Where two processes have put what they trained, and their curves."""
    root = tmp_path_factory.mktemp("by_two")
    return root, together(train_all, (model_ref, root), 2)


@pytest.mark.e2e
@pytest.mark.parametrize(("kind", "sharing"), CASES, ids=str)
def test_two_processes_train_what_one_trains(
    kind: str, sharing: Sharing, by_two: tuple[Path, list[Curve]], model_ref: ModelRef, tmp_path: Path
) -> None:
    alone = train(kind, sharing, model_ref, tmp_path, ALONE)
    root, curves = by_two
    curve = curves[CASES.index((kind, sharing))]
    assert len(curve) == len(alone) == (6 if kind != "sft" else 4)
    for ours, its in zip(curve, alone, strict=True):
        assert ours.keys() == its.keys()
        assert ours["loss"] == pytest.approx(its["loss"], rel=1e-5)
        for name in its.keys() - {"accuracy"}:  # a step function: rounding decides it where the margin is 0
            assert ours[name] == pytest.approx(its[name], rel=1e-4, abs=1e-5), name
    trained, expected = weights(folder(root, kind, sharing)), weights(tmp_path)
    assert trained.keys() == expected.keys()
    for name, weight in expected.items():
        assert torch.linalg.vector_norm(trained[name] - weight) <= 1e-4 * torch.linalg.vector_norm(weight), name


@pytest.fixture(scope="module")
def resumed_by_two(model_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where two processes have put what they trained in two goes."""
    root = tmp_path_factory.mktemp("resumed_by_two")
    together(train_again, (model_ref, root), 2)
    return root


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "sharing"), CASES[:4], ids=str)
def test_two_processes_go_on_from_where_two_were_interrupted(
    kind: str, sharing: Sharing, by_two: tuple[Path, list[Curve]], resumed_by_two: Path
) -> None:
    expected, resumed = (weights(folder(root, kind, sharing)) for root in (by_two[0], resumed_by_two))
    assert resumed.keys() == expected.keys()
    assert all(torch.equal(resumed[name], weight) for name, weight in expected.items())


def test_the_cases_are_ragged() -> None:
    """What the test above is about happens in it: unlike numbers of micro-batches, and a share that is empty."""
    pairs, _ = encode(PAIRS, word_tokenizer(), 32)
    layout = chosen("lora", 2, DDP()).runtime.layout
    batches = [batch for epoch in (0, 1) for batch in global_batches(pairs, 4, 0, epoch, by_problem=True)]
    counts = [tuple(len(layout.cut(share)) for share in deal(batch, 2)) for batch in batches]
    assert [len(batch) for batch in batches] == [4, 4, 1] * 2
    assert [counts[2], counts[5]] == [(1, 0)] * 2
    assert sum(a != b for a, b in counts) > 2, counts
    assert max(max(pair) for pair in counts) > 1


@pytest.mark.slow
def test_curves_reach_the_logger_of_the_caller_and_nothing_else_is_heard(
    model_ref: ModelRef, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    logger = CSVLogger(str(tmp_path), name="curves", version="0")
    made = (chosen("lora", 2, DDP()), ConDPO(beta=0.5), 0, tmp_path, tmp_path / "reference", logger)
    report = fit(PAIRS, model_ref, *made)
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
    with (Path(logger.log_dir) / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == list(range(6))
    assert [float(row["train/loss"]) for row in rows] == pytest.approx([row["loss"] for row in report.curve])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter", "curves", "reference"]


@pytest.mark.slow
def test_what_one_process_raises_is_raised_here_at_once(model_ref: ModelRef, tmp_path: Path) -> None:
    """Problem p3 goes to one process only; the other is left waiting for its gradients."""
    pairs = [replace(pair, winner_weight=math.inf if pair.problem_id == "p3" else 0.5) for pair in PAIRS]
    made = (replace(chosen("lora", 2, FSDP()), batch_size=9), ConDPO(beta=0.5), 0, tmp_path, tmp_path / "reference")
    with pytest.raises(FloatingPointError, match=r"^loss is inf at step 0 \(problems: [p0-9, ]*p3") as caught:
        fit(pairs, model_ref, *made, None)
    assert len(str(caught.value).splitlines()) == 1
    assert any("in process" in note and "device_learner.py" in note for note in caught.value.__notes__)
    assert not (tmp_path / "adapter").exists()
    assert children() == []


def test_a_killed_process_is_told_with_the_remedy() -> None:
    began = time.perf_counter()
    with pytest.raises(
        ChildProcessError, match=r"a training process was killed, most likely for lack of memory; lower"
    ):
        together(lose_one, (), 2)
    assert time.perf_counter() - began < 60
    assert children() == []


def test_what_keeps_a_process_from_starting_is_told() -> None:
    with pytest.raises((AttributeError, PicklingError), match=r"[Pp]ickle"):
        together(lambda: None, (), 2)
    assert children() == []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="a parent's death is told by Linux only")
def test_a_killed_caller_leaves_no_process(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    parent = subprocess.Popen([sys.executable, lost_ranks.__file__, str(tmp_path)], env=environment)
    try:
        until(lambda: len([p for p in tmp_path.iterdir() if p.read_text()]) == 2)
    finally:
        parent.kill()
        parent.wait()
    pids = [int(file.read_text()) for file in tmp_path.iterdir()]
    until(lambda: not any(alive(pid) for pid in pids))


def test_devices_that_are_not_there_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ref = ModelRef("m", None, None, "float32", "sdpa", None)
    check_devices("cpu", 1, 1, FSDP(), ref)
    check_devices("cpu", 64, 1, DDP(), replace(ref, quantization="nf4"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match=r"devices is 2, and this machine has 1 GPU; set training.runtime.devices to"):
        check_devices("cuda", 2, 1, DDP(), ref)
    with pytest.raises(ValueError, match=r"device=cuda:1 is one device, .* set training.runtime.device=cuda, or"):
        check_devices("cuda:1", 2, 1, DDP(), ref)
    with pytest.raises(ValueError, match=r"device is cuda:1, and this machine has 1 GPU; set .*device=auto"):
        check_devices("cuda:1", 1, 1, DDP(), ref)
    with pytest.raises(
        ValueError, match=r"cuda:1 is one device, and training.runtime.nodes is 2; .* training.runtime.nodes=1"
    ):
        check_devices("cuda:1", 1, 2, DDP(), ref)
    with pytest.raises(
        ValueError, match=r"FSDP cannot slice weights in nf4; set training/strategy=ddp, or model\.quant"
    ):
        check_devices("cpu", 2, 1, FSDP(), replace(ref, quantization="nf4"))


def test_there_is_one_device_at_least() -> None:
    with pytest.raises(ValueError, match=r"training.runtime.devices is 0; it must be at least 1"):
        runtime(devices=0)
    with pytest.raises(ValueError, match=r"training.runtime.nodes is 0; it must be at least 1"):
        runtime(nodes=0)


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("n", range(6))
def test_parts_are_of_one_length_and_hold_everything(n: int, count: int) -> None:
    parts = [Ranks(index, count, index).share(range(n)) for index in range(count)]
    assert {len(part) for part in parts} == {math.ceil(n / count)}
    assert {item for part in parts for item in part} == set(range(n))


def test_one_process_has_only_itself_to_agree_with() -> None:
    assert ALONE.agreed(3) == 3
    assert ALONE.united({"a": 1}) == {"a": 1}
    assert ALONE.totals({"a": 0.5}, torch.device("cpu")) == {"a": 0.5}


def children() -> list[int]:
    """Processes that this one has started and that still run, beside the library's own."""
    listed = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [int(pid) for file in listed for pid in file.read_text().split()]
    return [pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def until(condition: object, seconds: float = 60.0) -> None:
    """Wait for ``condition()``."""
    end = time.perf_counter() + seconds
    while not condition():  # type: ignore[operator]
        assert time.perf_counter() < end
        time.sleep(0.05)
