"""Grade the tests that a model writes of benchmarks, before and after it has learned to."""

from omegaconf import DictConfig

from conself.benchmarks.references import references
from conself.benchmarks.task import Benchmark
from conself.models.transformers import tuned_model
from conself.pipelines.answering import answering_engine
from conself.pipelines.context import Context
from conself.pipelines.parts import Drawing
from conself.pipelines.written_tests import written
from conself.records import ModelRef
from conself.runtime.console import say
from conself.runtime.parts import build
from conself.store.artifacts import Artifact


def graded(
    context: Context, config: DictConfig, model: ModelRef, tuned: Artifact | None, variant: str
) -> dict[str, Artifact]:
    """Have the model write tests of each benchmark that has reference solutions, and grade them.

    ``tuned`` is the training that tuned the model; None: the model as given. ``variant`` names it in results: "base" or
    "tuned". Without ``writing`` nothing is graded.
    """
    if config.writing is None:
        return {}
    policy = model if tuned is None else tuned_model(model, tuned.path)
    drawing = Drawing.of(config.writer, answering_engine(config), policy)
    found = {}
    for name in map(str, config.benchmark):
        if references(build(config.benchmark[name], Benchmark)()):
            found[name] = written(context, config, name, drawing, variant)
        else:
            say(context.console, f"{name} has no reference solutions, so tests written of it are not graded")
    return found
