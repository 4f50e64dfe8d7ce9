"""What a training on rollouts refuses before any work; what it does is tested as a user sees it: tests/e2e."""

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from conself.pipelines.pipeline import Job
from conself.pipelines.reinforcement.checks import check
from tests.proposers.canned import InThisProcess

CONF = Path(__file__).parents[2] / "conf"
WORKERS = ("engine@rollouts.engine=transformers", "rollouts.runtime.workers=2")
RAY = ("executor=ray", "executor.address=head:6379", "executor.cluster=alice")


@dataclass(frozen=True)
class Patient(InThisProcess):
    """Cannot end what it runs."""


@cache
def written(*words: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", ["experiment=con_grpo", *words])


def config(choices: tuple[str, ...] = (), **values: object) -> DictConfig:
    made = deepcopy(written(*choices))
    for key, value in values.items():
        OmegaConf.update(made, key.replace("__", "."), value)
    return Job(made, Path(), in_sweep=False).config


def test_what_it_is_made_for_is_not_refused() -> None:
    check(config())
    check(config(("curriculum=entropy_band",)))
    check(config(("training=full",), loss__beta=0.0))
    check(config(WORKERS, rollouts__step_timeout=60.0))


@pytest.mark.parametrize(
    ("choices", "values", "message"),
    [
        (("reward=selected",), {}, "Selected reads generated tests"),
        (("reward=abstaining",), {}, "choose reward=consensus or reward=majority"),
        (("loss=con_dpo",), {}, "choose loss=grpo, or pipeline=preference"),
        (("training=full",), {}, "choose training=lora, or loss.beta=0"),
        ((), {"training__export": "merged"}, "set training.export=adapter"),
        ((), {"training__runtime__devices": 2}, "training.runtime.devices is 2"),
        ((), {"training__runtime__nodes": 2}, "training.runtime.nodes is 2: rollouts are drawn from"),
        ((), {"rounds": 2}, "set rounds=1, got 2"),
        ((*WORKERS, *RAY), {"executor__storage": "driver"}, "set executor.storage=shared, or rollouts.runtime.workers"),
        (
            (*WORKERS, "executor._target_=tests.pipelines.test_reinforcement.Patient"),
            {"rollouts__step_timeout": 60.0},
            "ends workers that are late, which executor: Patient cannot; choose executor=local or ray",
        ),
        ((), {"model__adapter": "somewhere"}, "model.adapter must be null to train"),
    ],
)
def test_what_cannot_be_is_refused(choices: tuple[str, ...], values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        check(config(choices, **values))
