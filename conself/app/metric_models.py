"""List the models that metrics load: printed at the start, because it depends on the installed packages."""

from collections.abc import Collection

from omegaconf import DictConfig

from conself.models.hub import short_name
from conself.runtime.plain import settings_of, to_plain
from conself.store.keys import class_label, models_in


def metric_models(config: DictConfig, parts: Collection[str]) -> list[str]:
    """Return a line for each metric of a resolved config and each model that it loads; empty if none loads any.

    ``parts`` are those that the pipeline reads: unused metrics load nothing.
    """
    policy = models_in(settings_of(config).get("model"))
    lines = []
    nodes = [config.get("metric")] if "metric" in parts else []
    nodes += (config.get("metrics") or {}).values() if "metrics" in parts else []
    for node in (node for node in nodes if node is not None):
        for model in models_in(to_plain(node)):
            loaded = "the policy itself" if [model] == policy else short_name(model)
            label = class_label(node).replace("_", " ")
            lines.append(f"{label}: programs are read by {loaded}")
    return list(dict.fromkeys(lines))
