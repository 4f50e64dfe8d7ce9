"""Training on several nodes: the first one runs the job, and the command of each other node serves it."""

import os
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from conself.runtime.console import new_console, say
from conself.training.strategies.meeting import MEETING_SECONDS, meet, meeting
from conself.training.strategies.serving import serve
from conself.training.strategies.srun import read_srun

_KEY = "training.runtime.nodes"


class TrainOverNodes(Callback):
    """Hydra's callback: with ``training.runtime.nodes`` above 1, the nodes meet before Hydra creates any folder.

    One meeting serves all jobs of a sweep.
    """

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Wait for the other nodes, or be one of them.

        Raises:
            SystemExit: on all nodes but the first, when the job is over; or status 2, after a line with the error.
        """
        _take_part(config)

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Do the same before a sweep.

        Raises:
            SystemExit: as on_run_start; or status 2 where the sweep itself is over the number of nodes.
        """
        told = (
            OmegaConf.select(config, "hydra.overrides.task") or []
        )  # what is swept over is in no key of ``config`` yet
        words = [str(word) for word in told]
        if any(word.lstrip("+").startswith(f"{_KEY}=") and "," in word for word in words):
            say(
                new_console(),
                f"{_KEY} must be one number for all jobs of a sweep; give it as {_KEY}=N",
                "error:",
                "bold red",
            )
            raise SystemExit(2)
        _take_part(config)


def check_nodes(config: DictConfig, parts: Sequence[str]) -> None:
    """Check that the nodes that a job wants have met, and that its pipeline, which reads ``parts``, trains.

    Raises:
        ValueError: one is not so; with the remedy.
    """
    nodes = _nodes(config)
    if nodes > 1 and "training" not in parts:
        raise ValueError(
            f"training.runtime.nodes is {nodes}, and pipeline={config.pipeline['_target_']} trains nothing; set it to 1"
        )
    meeting(nodes)


def _nodes(config: DictConfig) -> int:
    """Return the number of nodes; 1 if the command has no training, or if the config is refused for it later."""
    try:
        nodes = OmegaConf.select(config, _KEY)
    except OmegaConfBaseException:
        return 1
    return nodes if type(nodes) is int and nodes > 1 else 1


def _take_part(config: DictConfig) -> None:
    nodes = _nodes(config)
    if nodes == 1:
        return
    console = new_console()
    try:
        srun, folder = read_srun(os.environ, nodes), Path(str(config.artifacts))
        if srun.node == 0:
            others = meet(srun, folder, MEETING_SECONDS).nodes
            say(console, f"training on {nodes} nodes: {', '.join([srun.host, *(node.host for node in others)])}")
            return
        serve(srun, folder, MEETING_SECONDS, lambda text: say(console, text))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except (ValueError, OSError) as error:
        say(console, " ".join(str(error).split()), "error:", "bold red")
        raise SystemExit(2) from None
    except Exception:  # Hydra would warn of it, and run the job on every node
        traceback.print_exc()
        raise SystemExit(2) from None
    raise SystemExit(0)
