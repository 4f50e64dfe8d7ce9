"""Which models metrics read programs by: said at the start, because it depends on what is installed."""

from typing import Any

from omegaconf import DictConfig, OmegaConf

from conself.models.hub import short_name
from conself.store.keys import models_in, snake_case


def metric_models(config: DictConfig) -> list[str]:
    """A line for each metric of a resolved config and each model that it loads; empty where none loads any."""
    plain: Any = OmegaConf.to_container(config)
    policy = models_in([plain.get("model")])
    lines = []
    for node in (plain.get("metric"), *plain.get("metrics", {}).values()):
        for model in models_in([node]):
            who = "the policy itself" if [model] == policy else short_name(model)
            label = snake_case(node["_target_"].rpartition(".")[2]).replace("_", " ")
            lines.append(f"{label}: programs are read by {who}")
    return list(dict.fromkeys(lines))
