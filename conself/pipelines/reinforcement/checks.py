"""Check a config that trains on rollouts, before any work."""

from omegaconf import DictConfig

from conself.engines.engine import Engine
from conself.executors.executor import Endable, Executor
from conself.losses.output import Loss
from conself.models.transformers import check_model
from conself.online.rollouts import Rollouts
from conself.online.testing import Testing, goes_by_b4
from conself.pipelines import answering
from conself.pipelines.parts import asking
from conself.pipelines.preference.checks import check_answering, check_trained_on
from conself.pipelines.preference.checks import load as load_training
from conself.pipelines.written_tests import check_writing
from conself.records import ModelRef
from conself.rewards.reward import Reward
from conself.runtime.parts import build
from conself.runtime.plain import to_plain
from conself.store.keys import models_in
from conself.training.policy.export import MERGED
from conself.training.settings import Training


def check(config: DictConfig) -> None:
    """Validate the config of a training job on rollouts.

    Raises:
        OSError: the model, or one that the curriculum's metric needs, does not exist.
        ValueError: the model has invalid settings or already has an adapter, or this pipeline does not support a
            setting; with the remedy.
    """
    model, training, loss = build(config.model, ModelRef), build(config.training, Training), build(config.loss, Loss)
    check_model(model)
    if model.adapter is not None:
        raise ValueError("model.adapter must be null to train: merge the adapter into a model folder and name that")
    if config.rounds != 1:
        raise ValueError(
            f"online training draws new responses in every step and has no rounds; set rounds=1, got {config.rounds}"
        )
    if not loss.needs_rollouts:
        raise ValueError(
            f"loss: {type(loss).__name__} learns from preference pairs, and this pipeline makes rollouts; choose "
            "loss=grpo, or pipeline=preference"
        )
    testing = None if config.testing is None else build(config.testing, Testing)
    check_roles(build(config.reward, Reward), testing)
    check_training(training, loss)
    rollouts = build(config.rollouts, Rollouts)
    check_drawing(rollouts, model, training)
    check_workers(rollouts, config.executor)
    check_curriculum(config, model)
    answering.check_voters(config)
    check_trained_on(config)
    if config.benchmark:
        check_answering(config, model, training)
    if config.writing is not None:
        check_writing(config)


def check_roles(reward: Reward, testing: Testing | None) -> None:
    """Check that the job produces everything that the reward reads, and that the reward uses the calibration, if any.

    Raises:
        ValueError: one of these does not hold; with the remedy.
    """
    if testing is None and reward.needs_tests:
        raise ValueError(
            f"reward: {type(reward).__name__} reads generated tests, and no step of this job has a model write them; "
            "choose reward=consensus or reward=majority, or experiment=zerocoder"
        )
    if testing is not None and testing.calibration is not None and not goes_by_b4(reward):
        raise ValueError(
            f"testing.calibration chooses B4's prior, and reward: {type(reward).__name__} does not go by it; choose "
            "reward=selected and ranking=b4, or leave out calibration@testing.calibration"
        )


def check_training(training: Training, loss: Loss) -> None:
    """Check that the settings of training can be used with rollouts.

    Raises:
        ValueError: they cannot; with the remedy.
    """
    for name in ("devices", "nodes"):
        if (number := getattr(training.runtime, name)) > 1:
            raise ValueError(
                f"training.runtime.{name} is {number}: rollouts are drawn from the model in training, "
                "which is on one device; set it to 1"
            )
    adapter = training.tuning.adapter() is not None
    if adapter and training.export == MERGED:
        raise ValueError("training.export=merged is for pipeline=preference; set training.export=adapter")
    if loss.needs_reference and not adapter:
        raise ValueError(
            "all weights are trained, so that nothing is left to be the reference of new responses; choose "
            "training=lora, or loss.beta=0"
        )


def check_drawing(rollouts: Rollouts, model: ModelRef, training: Training) -> None:
    """Check that the engine can sample rollouts from the weights in training.

    Raises:
        OSError: the model does not exist.
        ValueError: the engine returns no tokens, or cannot load the model or its adapter.
    """
    if (engine := rollouts.engine) is None:
        return
    if type(engine).tokens is Engine.tokens:
        raise ValueError(
            f"{type(engine).__name__} gives texts, and rollouts are tokens with their log-probs; choose "
            "engine@rollouts.engine=vllm or transformers, or none of them: the learner itself"
        )
    engine.check_model(model)
    if (adapter := training.tuning.adapter()) is not None:
        engine.check_adapter(adapter)


def check_workers(rollouts: Rollouts, executor: DictConfig) -> None:
    """Check that the executor's workers, if they sample, see the weights by path, and can be ended if time is limited.

    Raises:
        ValueError: they do not, or cannot; with the remedy.
    """
    if rollouts.runtime.workers is None:
        return
    if executor.get("storage", "shared") != "shared":
        raise ValueError(
            f"rollouts.runtime.workers={rollouts.runtime.workers} has workers read the weights of each step by path, "
            f"and with executor.storage={executor.storage} they see no folder of the job; set executor.storage=shared, "
            "or rollouts.runtime.workers=null"
        )
    if rollouts.step_timeout is not None and not isinstance(made := build(executor, Executor), Endable):
        raise ValueError(
            f"rollouts.step_timeout={rollouts.step_timeout} ends workers that are late, which executor: "
            f"{type(made).__name__} cannot; choose executor=local or ray, or set rollouts.step_timeout=null"
        )


def check_curriculum(config: DictConfig, model: ModelRef) -> None:
    """Check that the curriculum's candidates can be sampled and scored, if there is a curriculum.

    Raises:
        OSError: a model that its metric needs does not exist.
        ValueError: the engine cannot load the model.
    """
    if config.curriculum is None:
        return
    asking(config.sampler, config.engine).engine.check_model(model)
    for ref in models_in(to_plain(config.metric)):
        check_model(ref)


def load(config: DictConfig) -> str | None:
    """Import what training needs, run the checks that need torch and the model, and describe the memory needed.

    Raises:
        ValueError, OSError: as :func:`conself.pipelines.preference.checks.load`.
    """
    import conself.online.loop  # noqa: F401

    return load_training(config)
