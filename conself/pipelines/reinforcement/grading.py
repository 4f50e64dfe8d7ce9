"""Grade the tests that a model writes of benchmarks, before and after it has learned to."""

from collections.abc import Sequence

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


def gradable(context: Context, config: DictConfig) -> list[str]:
    """Return the benchmarks that have reference solutions, none without ``writing``; others are announced."""
    if config.writing is None:
        return []
    names = list(map(str, config.benchmark))
    found = [name for name in names if references(build(config.benchmark[name], Benchmark)())]
    for name in names:
        if name not in found:
            say(context.console, f"{name} has no reference solutions, so tests written of it are not graded")
    return found


def graded(
    context: Context, config: DictConfig, names: Sequence[str], model: ModelRef, tuned: Artifact | None, variant: str
) -> dict[str, Artifact]:
    """Have the model write tests of these benchmarks, and grade them.

    ``tuned`` is the training that tuned the model; None: the model as given. ``variant`` names it in results: "base" or
    "tuned".
    """
    if not names:
        return {}
    policy = model if tuned is None else tuned_model(model, tuned.path)
    drawing = Drawing.of(config.writer, answering_engine(config), policy)
    return {name: written(context, config, name, drawing, variant) for name in names}
