"""The same command on two nodes, as srun starts it: one runs the job, and the other trains with it."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from tests.e2e.conftest import ROOT, command, environment, train_anew
from tests.training.strategies.test_distributed import alive, until

pytestmark = pytest.mark.slow
FEW = ("benchmark.minipy.size=4", "max_pairs=32", "tracking=csv", "training.threads=1")


def start(node: int, output: Path, words: list[str]) -> "subprocess.Popen[bytes]":
    step = {"SLURM_JOB_ID": "31", "SLURM_STEP_ID": "0", "SLURM_NNODES": "2", "SLURM_NTASKS": "2"}
    names = {"SLURM_PROCID": str(node), "SLURMD_NODENAME": ("alpha", "beta")[node], "MASTER_ADDR": "127.0.0.1"}
    with output.open("wb") as file:
        told = {**environment(), **step, **names}
        return subprocess.Popen(words, cwd=ROOT, env=told, stdout=file, stderr=subprocess.STDOUT)


def both(store: Path, folder: Path, *overrides: str) -> "tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]":
    """The driver and the other node; what they say is beside the run folder, as ``said-NODE``."""
    words = command(store, folder, "training.runtime.nodes=2", *FEW, *overrides)
    one = start(1, folder.with_name("said-1"), words)
    return start(0, folder.with_name("said-0"), words), one


def test_a_sweep_on_two_nodes_trains_what_two_devices_train(tmp_path: Path) -> None:
    before = set(ROOT.iterdir())
    driver, other = both(tmp_path / "store", tmp_path / "sweep", "-m", "training.epochs=1,2")
    said = [
        (process.wait(900), (tmp_path / name).read_text()) for process, name in ((driver, "said-0"), (other, "said-1"))
    ]
    assert [status for status, _ in said] == [0, 0], said
    assert said[1][1] == "node 1 (beta) trains for the driver on 127.0.0.1\n"
    assert said[0][1].splitlines().count("training on 2 nodes: 127.0.0.1, beta") == 1
    assert sorted(path.name for path in (tmp_path / "sweep").iterdir()) == ["0", "1", "multirun.yaml"]
    assert not {path.name for path in set(ROOT.iterdir()) - before} & {
        "0",
        "1",
        "runs",
        "multirun",
        "outputs",
        ".hydra",
    }
    assert not list((tmp_path / "store").glob(".nodes*"))
    beside = train_anew(tmp_path / "other", tmp_path / "run", "training.runtime.devices=2", *FEW, "training.epochs=2")
    ours = json.loads((tmp_path / "sweep" / "1" / "results.json").read_text())
    assert ours["artifacts"]["fit"] == beside.results["artifacts"]["fit"], "as devices, nodes are no part of a key"
    paths = [tmp_path / name / "fit" / ours["artifacts"]["fit"] / "adapter" for name in ("store", "other")]
    trained, expected = (load_file(path / "adapter_model.safetensors") for path in paths)
    for name, weight in expected.items():
        assert torch.linalg.vector_norm(trained[name] - weight) <= 1e-4 * torch.linalg.vector_norm(weight), name


def test_a_killed_node_ends_the_job_with_one_line_and_the_same_command_resumes(tmp_path: Path) -> None:
    store, words = tmp_path / "store", ("training.epochs=40", "training.runtime.checkpoint_share=1")
    driver, other = both(store, tmp_path / "run", *words)
    deadline = time.monotonic() + 900
    while not list(store.glob("fit/.*.partial/checkpoints/step-*.safetensors")):
        assert driver.poll() is None, (tmp_path / "said-0").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    trainers = [child.pid for child in psutil.Process(other.pid).children(recursive=True)]
    os.kill(other.pid, signal.SIGKILL)
    killed = time.time()
    assert driver.wait(300) == 2  # its own workers end in order before, which takes long on a busy machine
    (note,) = store.glob("fit/.*.failed")  # written as soon as the error is there
    assert note.stat().st_mtime - killed < 5
    last = (tmp_path / "said-0").read_text().splitlines()[-1]
    assert last.startswith("error: node beta is gone: its command was killed, or"), last
    other.wait()
    until(lambda: not any(alive(pid) for pid in trainers))
    driver, other = both(store, tmp_path / "run", *words)
    assert (driver.wait(900), other.wait(60)) == (0, 0), (tmp_path / "said-0").read_text()
    assert "training goes on after step" in (tmp_path / "run" / "train.log").read_text()
