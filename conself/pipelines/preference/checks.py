"""Checks of a training config, run before any work."""

from omegaconf import DictConfig

from conself.benchmarks.task import Benchmark
from conself.datasets.dataset import Dataset
from conself.losses.output import Loss, check_losers, check_pairs_do, check_weights
from conself.models.transformers import check_model, load_tokenizer
from conself.pairings.build import Pairing
from conself.pipelines import answering
from conself.pipelines.parts import asking
from conself.pipelines.preference.validation import check_validation
from conself.pipelines.provenance import refuse_own_figures, trained_into, whole_of
from conself.prompts.prompts import PromptStyle, render
from conself.rankings.ranked import Ranking
from conself.records import ModelRef
from conself.results.pool_figures import check_rankings
from conself.runtime.parts import build, build_all
from conself.runtime.plain import to_plain
from conself.store.keys import models_in
from conself.training.memory import check_memory
from conself.training.policy.export import MERGED, check_mergeable
from conself.training.settings import Training
from conself.training.strategies.distributed import check_devices


def check(config: DictConfig) -> None:
    """Validate the config of a training job; checks that need the model itself are left to :func:`load`.

    Raises:
        OSError: the model, or one that a metric needs, does not exist.
        ValueError: the model has wrong settings or an adapter already, it can't be trained as ``training`` says, the
            loss can't use these pairs or lacks their weights, or the engine that answers benchmarks can't load the
            trained model.
    """
    model = build(config.model, ModelRef)
    check_model(model)
    asking(config.sampler, config.engine).engine.check_model(model)
    measured = (config.metric, config.metrics, config.matched)
    for ref in models_in([to_plain(node) for node in measured if node is not None]):
        check_model(ref)
    if model.adapter is not None:
        raise ValueError("model.adapter must be null to train: merge the adapter into a model folder and name that")
    check_rounds(config)
    check_validation(config)
    answering.check_voters(config)
    check_trained_on(config)
    loss = build(config.loss, Loss)
    check_pairs_do(loss)
    check_losers(build(config.pairing, Pairing).gives_losers, loss.needs_losers)
    check_weights(build(config.ranking, Ranking).gives_weight, loss.needs_weight)
    check_rankings(config.rankings)
    training = build(config.training, Training)
    if training.export == MERGED:
        check_mergeable(model)
    if config.benchmark:
        check_answering(config, model, training)


def check_answering(config: DictConfig, model: ModelRef, training: Training) -> None:
    """Check that the engine can answer benchmarks as the trained model.

    Raises:
        OSError: the model does not exist.
        ValueError: the engine loads no model, or cannot load this one or its trained form.
    """
    answerer = asking(config.decoder, answering.answering_engine(config))
    engine = answerer.engine
    if not engine.loads_model:
        raise ValueError(
            f"decoder: {answerer} loads no model, so it cannot evaluate the one that is trained; choose "
            "engine@answering=transformers or engine@answering=vllm with sampler@decoder=direct_greedy, "
            "or 'benchmark=[none]'"
        )
    engine.check_model(model)
    adapter = training.tuning.adapter()
    if adapter is not None and training.export != MERGED:
        engine.check_adapter(adapter)


def load(config: DictConfig) -> str | None:
    """Import what training needs, run the checks that need torch and the model, and describe the memory needed.

    Raises:
        OSError: the model cannot be read.
        ValueError: the devices do not exist or have too little memory, or the model lacks a chat template or the
            modules that ``training.tuning`` names.
    """
    import conself.training.fit  # noqa: F401  # now, while workers start, not after they are done

    model = build(config.model, ModelRef)
    training = build(config.training, Training)
    runtime = training.runtime
    check_devices(runtime.device, runtime.devices, runtime.nodes, runtime.strategy, model)
    training.tuning.check(model)
    prompts = build(config.prompts, PromptStyle)
    # Pairs use the model's own template, whichever engine samples.
    render(load_tokenizer(model), prompts.turns("question"))
    return check_memory(model, training)


def check_trained_on(config: DictConfig) -> None:
    """Check that no benchmark is a data set of this or of an earlier training run of the model.

    Raises:
        ValueError: one is; or ``decontaminate_words`` is no int of at least 1.
    """
    if type(config.decontaminate_words) is not int or config.decontaminate_words < 1:
        raise ValueError(f"decontaminate_words must be an int of at least 1, got {config.decontaminate_words!r}")
    trained = trained_into((config.model.name,))
    if (whole := whole_of(build(config.dataset, Dataset))) is not None:
        trained[whole] = f"the model is trained on {whole}"
    refuse_own_figures(trained, build_all(config.benchmark, Benchmark))


def check_rounds(config: DictConfig) -> None:
    """Validate ``rounds``, ``max_pairs``, ``max_problems`` and ``tau``, and that later rounds can sample their model.

    Raises:
        ValueError: names the setting and the remedy.
    """
    if type(config.rounds) is not int or config.rounds < 1:
        raise ValueError(f"rounds must be an int of at least 1, got {config.rounds}")
    for name in ("max_pairs", "max_problems"):
        if config[name] is not None and (type(config[name]) is not int or config[name] < 1):
            raise ValueError(f"{name} must be an int of at least 1, or null for all, got {config[name]}")
    if (own := config.curriculum.get("tau", config["tau"])) != config["tau"]:
        raise ValueError(
            f"curriculum.tau is {own}, and tau, which tables and matched curricula go by, is {config['tau']}; "
            "set tau alone (a YAML of your own says `tau: ${tau}`)"
        )
    if "driver" in config.metrics:
        raise ValueError("metrics.driver: a metric cannot be called driver, as the one that drives the curriculum is")
    drawing = asking(config.sampler, config.engine)
    if config.rounds > 1 and not drawing.engine.loads_model:
        raise ValueError(
            f"rounds={config.rounds} samples from each round's model, and {drawing} loads no model; choose "
            "engine=transformers or engine=vllm with sampler=guided or direct, or rounds=1"
        )
    if config.rounds > 1 and config.model.quantization is not None:
        raise ValueError(
            f"rounds={config.rounds} works each round's adapter into the weights, and "
            f"model.quantization={config.model.quantization} has none to add to; set model.quantization=null"
        )
