"""What Hydra's callback does where a job is to be on several nodes, without a second one: tests/e2e has two."""

from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from conself.app import nodes
from conself.app.nodes import TrainOverNodes, check_nodes
from tests.training.strategies.test_srun import TOLD


@pytest.fixture(autouse=True)
def _no_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.environ", {})
    monkeypatch.setattr(nodes, "MEETING_SECONDS", 0.1)


def config(number: object, store: Path = Path("no_such_store")) -> DictConfig:
    runtime = {"training": {"runtime": {"nodes": number}}}
    return OmegaConf.create({"artifacts": str(store), "pipeline": {"_target_": "here.Mine"}, **runtime})


def ended(given: DictConfig, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as end:
        TrainOverNodes().on_run_start(given)
    assert end.value.code == 2
    (line,) = capsys.readouterr().out.splitlines()
    return line


@pytest.mark.parametrize("number", [1, 0, "two", None])
def test_nothing_happens_on_one_node_and_a_wrong_number_is_left_to_the_checks(number: object) -> None:
    TrainOverNodes().on_run_start(config(number))
    TrainOverNodes().on_multirun_start(config(number))
    TrainOverNodes().on_run_start(OmegaConf.create({"artifacts": "a"}))
    check_nodes(config(number), ())


def test_a_sweep_over_the_number_of_nodes_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Else each node would run the whole sweep: the number is not in the config that the meeting is decided by."""
    given = OmegaConf.merge(config(1), {"hydra": {"overrides": {"task": ["training.runtime.nodes=1,2"]}}})
    assert isinstance(given, DictConfig)
    with pytest.raises(SystemExit) as end:
        TrainOverNodes().on_multirun_start(given)
    assert end.value.code == 2
    assert capsys.readouterr().out.startswith("error: training.runtime.nodes must be one number for all jobs")


def test_without_srun_and_on_another_number_of_nodes_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(config(2), capsys).startswith(
        "error: training.runtime.nodes is 2, and srun did not start this command"
    )
    monkeypatch.setattr("os.environ", TOLD)
    assert "srun started this command on 4 (SLURM_NNODES)" in ended(config(2), capsys)


def test_a_driver_that_waits_in_vain_and_a_node_without_driver_say_so_and_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.environ", {**TOLD, "MASTER_ADDR": "127.0.0.1", "SLURM_PROCID": "0"})
    store = tmp_path / "store"
    assert ended(config(4, store), capsys).startswith("error: nodes 1, 2, 3 of 0 to 3 have not joined within 0.1 s")
    monkeypatch.setattr("os.environ", TOLD)
    assert f"sees no driver in {store}/.nodes-31.2.0 within 0.1 s" in ended(config(4, store), capsys)
    assert list(store.iterdir()) == []


def test_an_unexpected_error_does_not_let_every_node_run_the_job(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("of all things")

    monkeypatch.setattr(nodes, "read_srun", broken)
    with pytest.raises(SystemExit) as end:
        TrainOverNodes().on_multirun_start(config(2))
    assert end.value.code == 2
    assert "RuntimeError: of all things" in capsys.readouterr().err


def test_a_job_whose_nodes_have_not_met_and_a_pipeline_that_trains_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match=r"nodes is 2, and no other node has joined this job: set it for all jobs"):
        check_nodes(config(2), ("training",))
    with pytest.raises(ValueError, match=r"nodes is 2, and pipeline=here\.Mine trains nothing; set it to 1"):
        check_nodes(config(2), ("model",))
