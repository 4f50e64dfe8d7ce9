"""The nodes of one ``srun``: which of them this process is on, by SLURM's variables."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass

_NEEDED = ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_PROCID", "SLURM_NNODES", "SLURM_NTASKS")


@dataclass(frozen=True, slots=True)
class Srun:
    """Where this process is among ``count`` that one ``srun`` started, one per node; ``node`` 0 is the driver.

    ``name`` is different for each ``srun``, also if SLURM starts the same job again. ``host`` is the name by which
    other nodes reach this one, and ``port`` the one at which the driver listens (0: a free one).
    """

    name: str
    node: int
    count: int
    host: str
    port: int


def read_srun(variables: Mapping[str, str], nodes: int) -> Srun:
    """Read the environment of a process that was to be started on ``nodes`` nodes, once on each.

    Raises:
        ValueError: ``srun`` did not start it, or started it on another number of nodes, or several times on one.
    """
    start = f"`srun --nodes={nodes} --ntasks-per-node=1 python -m conself.train ...`"
    if missing := [name for name in _NEEDED if name not in variables]:
        raise ValueError(
            f"training.runtime.nodes is {nodes}, and srun did not start this command ({', '.join(missing)} missing); "
            f"start it by {start}, or set training.runtime.nodes=1"
        )
    count = _number(variables, "SLURM_STEP_NUM_NODES" if "SLURM_STEP_NUM_NODES" in variables else "SLURM_NNODES")
    tasks = _number(variables, "SLURM_STEP_NUM_TASKS" if "SLURM_STEP_NUM_TASKS" in variables else "SLURM_NTASKS")
    if count != nodes:
        raise ValueError(
            f"training.runtime.nodes is {nodes}, and srun started this command on {count} (SLURM_NNODES); "
            f"start it by {start}, or set training.runtime.nodes={count}"
        )
    if tasks != count:
        raise ValueError(
            f"srun started this command {tasks} times on {count} nodes (SLURM_NTASKS), and once per node is needed: "
            f"training.runtime.devices says how many processes a node has; start it by {start}"
        )
    name = ".".join(variables.get(key, "0") for key in ("SLURM_JOB_ID", "SLURM_STEP_ID", "SLURM_RESTART_COUNT"))
    host = variables.get("MASTER_ADDR") if _number(variables, "SLURM_PROCID") == 0 else None
    own = host or variables.get("SLURMD_NODENAME") or socket.gethostname()
    port = _number(variables, "MASTER_PORT") if "MASTER_PORT" in variables else 0
    return Srun(name, _number(variables, "SLURM_PROCID"), count, own, port)


def _number(variables: Mapping[str, str], name: str) -> int:
    if not variables[name].isdecimal():
        raise ValueError(f"{name} is {variables[name]!r}, and must be a number; srun sets it, or MASTER_PORT its user")
    return int(variables[name])
