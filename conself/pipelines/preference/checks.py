"""What can be trained, and what cannot: told before any work."""

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
    """Refuse what can't be trained.

    Raises:
        OSError: there is no such model, or none that a metric asks for.
        ValueError: the model has wrong settings or an adapter already, or can't be trained as ``training`` says, or
            the loss has no use for such pairs or misses their weights, or what answers the benchmarks can't load what
            comes of it.
            What only a look at the model itself can tell is left to :func:`load`.
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
    """Refuse an engine that cannot answer benchmarks as the trained model.

    Raises:
        OSError: the model is not there.
        ValueError: the engine loads no model, or cannot load this one or what comes of the training.
    """
    asked = asking(config.decoder, answering.answering_engine(config))
    engine = asked.engine
    if not engine.loads_model:
        raise ValueError(
            f"decoder: {asked} loads no model, so it cannot evaluate the one that is trained; choose "
            "engine@answering=transformers or engine@answering=vllm with sampler@decoder=direct_greedy, "
            "or 'benchmark=[none]'"
        )
    engine.check_model(model)
    adapter = training.tuning.adapter()
    if adapter is not None and training.export != MERGED:
        engine.check_adapter(adapter)


def load(config: DictConfig) -> str | None:
    """Import what training needs, refuse what only torch and the model can tell, and say what memory it takes.

    Raises:
        OSError: the model cannot be read.
        ValueError: there are no such devices, or they have too little memory, or the model has no chat template, or not
            what ``training.tuning`` asks for.
    """
    import conself.training.fit  # noqa: F401  # here, while workers start, and not when they are done

    model = build(config.model, ModelRef)
    training = build(config.training, Training)
    check_devices(training.runtime.device, training.runtime.devices, training.runtime.strategy, model)
    training.tuning.check(model)
    prompts = build(config.prompts, PromptStyle)
    render(load_tokenizer(model), prompts.turns("question"))  # pairs are in the model's own form, whoever samples
    return check_memory(model, training)


def check_trained_on(config: DictConfig) -> None:
    """Refuse benchmarks that are the data set of this training or of an earlier one of the model.

    Raises:
        ValueError: that is so; or ``decontaminate_words`` is no int of at least 1.
    """
    if type(config.decontaminate_words) is not int or config.decontaminate_words < 1:
        raise ValueError(f"decontaminate_words must be an int of at least 1, got {config.decontaminate_words!r}")
    trained = trained_into((config.model.name,))
    if (whole := whole_of(build(config.dataset, Dataset))) is not None:
        trained[whole] = f"the model is trained on {whole}"
    refuse_own_figures(trained, build_all(config.benchmark, Benchmark))


def check_rounds(config: DictConfig) -> None:
    """Refuse numbers that mean nothing, and what a second round cannot start from.

    Raises:
        ValueError: as said.
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
    asked = asking(config.sampler, config.engine)
    if config.rounds > 1 and not asked.engine.loads_model:
        raise ValueError(
            f"rounds={config.rounds} samples from what each round has made, and {asked} loads no model; choose "
            "engine=transformers or engine=vllm with sampler=guided or direct, or rounds=1"
        )
    if config.rounds > 1 and config.model.quantization is not None:
        raise ValueError(
            f"rounds={config.rounds} works each round's adapter into the weights, and "
            f"model.quantization={config.model.quantization} has none to add to; set model.quantization=null"
        )
