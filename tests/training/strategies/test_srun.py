"""What SLURM's variables say about the nodes of a job."""

import pytest

from conself.training.strategies.srun import Srun, read_srun

TOLD = {
    "SLURM_JOB_ID": "31",
    "SLURM_STEP_ID": "2",
    "SLURM_PROCID": "1",
    "SLURM_NNODES": "4",
    "SLURM_NTASKS": "4",
    "SLURMD_NODENAME": "beta",
}


def test_a_node_knows_its_place() -> None:
    assert read_srun(TOLD, 4) == Srun("31.2.0", 1, 4, "beta", 0)
    assert read_srun({**TOLD, "SLURM_RESTART_COUNT": "3"}, 4).name == "31.2.3"


def test_the_driver_has_the_address_that_its_user_names() -> None:
    named = {**TOLD, "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "4000"}
    assert read_srun({**named, "SLURM_PROCID": "0"}, 4) == Srun("31.2.0", 0, 4, "10.0.0.1", 4000)
    assert read_srun(named, 4).host == "beta"


def test_a_step_on_a_part_of_the_job_counts_itself() -> None:
    step = {**TOLD, "SLURM_STEP_NUM_NODES": "2", "SLURM_STEP_NUM_TASKS": "2"}
    assert read_srun(step, 2).count == 2


@pytest.mark.parametrize(
    ("changes", "nodes", "message"),
    [
        ({"SLURM_PROCID": None}, 4, r"nodes is 4, and srun did not start this command \(SLURM_PROCID missing\); start"),
        ({}, 2, r"nodes is 2, and srun started this command on 4 \(SLURM_NNODES\); .* or set training.runtime.nodes=4"),
        ({"SLURM_NTASKS": "8"}, 4, r"started this command 8 times on 4 nodes .* --ntasks-per-node=1"),
        ({"SLURM_PROCID": "one"}, 4, r"SLURM_PROCID is 'one', and must be a number"),
        ({"MASTER_PORT": "x"}, 4, r"MASTER_PORT is 'x', and must be a number"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, str | None], nodes: int, message: str) -> None:
    told = {name: value for name, value in {**TOLD, **changes}.items() if value is not None}
    with pytest.raises(ValueError, match=message):
        read_srun(told, nodes)
    with pytest.raises(ValueError, match="srun did not start this command"):
        read_srun({}, nodes)
