"""The contract of the part at each key of a config: every part of a job is built once before any work."""

from collections.abc import Mapping, Sequence

from hydra.utils import instantiate
from omegaconf import DictConfig

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.amplifications.amplification import Amplification
from conself.app.checks import check_types
from conself.benchmarks.task import Benchmark
from conself.curricula.selection import Curriculum
from conself.datasets.dataset import Dataset
from conself.engines.engine import Engine
from conself.executors.executor import Executor
from conself.guards.guard import Guard
from conself.losses.output import Loss
from conself.metrics.metric import Metric
from conself.online.rollouts import Rollouts
from conself.online.settings import Loop
from conself.online.testing import Testing
from conself.pairings.build import Pairing
from conself.prompts.prompts import PromptStyle
from conself.proposers.proposer import Proposer
from conself.rankings.ranked import Ranking
from conself.records import ModelRef
from conself.rewards.reward import Reward
from conself.runtime.parts import build, build_all
from conself.runtime.plain import settings_of
from conself.samplers.sampler import Sampler
from conself.sandbox.jobs import Limits
from conself.statistics.confidence import Confidence
from conself.tester_rewards.tester_reward import TesterReward
from conself.tracking import Tracker
from conself.training.settings import Training

CONTRACTS: Mapping[str, type] = {
    "amplification": Amplification,
    "answering": Engine,
    "behaviour": Behaviour,
    "comparison": Comparison,
    "confidence": Confidence,
    "curriculum": Curriculum,
    "dataset": Dataset,
    "decoder": Sampler,
    "engine": Engine,
    "executor": Executor,
    "guard": Guard,
    "judging": Limits,
    "loop": Loop,
    "loss": Loss,
    "metric": Metric,
    "model": ModelRef,
    "pairing": Pairing,
    "prompts": PromptStyle,
    "proposer": Proposer,
    "ranking": Ranking,
    "reward": Reward,
    "rollouts": Rollouts,
    "sampler": Sampler,
    "sandbox": Limits,
    "tester_reward": TesterReward,
    "testing": Testing,
    "tracking": Tracker,
    "training": Training,
    "writer": Sampler,
}
"""Contracts of parts by their keys, at the top of a config or in a group of different parts: ``voters.ranking``."""
GROUPS: Mapping[str, type] = {"benchmark": Benchmark, "metrics": Metric, "rankings": Ranking}
"""Contracts of the parts of a group, whose keys the user chooses."""


def check_parts(config: DictConfig, names: Sequence[str]) -> None:
    """Check the types of all settings, and build every part once, so that most mistakes are found before any work.

    Building a part costs nothing. A part at a key of a user's own pipeline has no contract here.

    Raises:
        ValueError: a setting has the wrong type, or a part cannot be used as its contract says; names its key.
        InstantiationException: a part refuses its settings.
    """
    plain = settings_of(config)
    check_types(plain, "")
    for name in names:
        if config[name] is not None:
            _build(name, config[name])


def check_benchmarks(config: DictConfig) -> None:
    """Look up each benchmark's files, so that an unreadable file or hub is reported before any work.

    Raises:
        OSError: they cannot be read; the remedy names the benchmark's own key.
        ValueError: as OSError.
    """
    chosen = build_all(config.benchmark, Benchmark) if "benchmark" in config else {}
    for name, benchmark in chosen.items():
        try:
            benchmark.fingerprint()
        except (OSError, ValueError) as error:
            kind = ValueError if isinstance(error, ValueError) else OSError
            raise kind(str(error).replace("dataset.path", f"benchmark.{name}.dataset.path")) from error


def _build(name: str, node: DictConfig) -> None:
    if name in GROUPS:
        build_all(node, GROUPS[name])
    elif "_target_" not in node:
        for key, child in node.items():
            if isinstance(child, DictConfig):
                _build(str(key), child)
    elif name in CONTRACTS:
        build(node, CONTRACTS[name])
    else:
        instantiate(node, _convert_="all")
