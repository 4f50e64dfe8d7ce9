"""An artifact's key names its parts, wherever their code lies."""

import importlib
import re
from collections import defaultdict
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from conself.store.artifacts import Stage, artifact_key
from conself.store.keys import part_name, plain, snake_case

CONF = Path(__file__).parents[2] / "conf"
PART = "from dataclasses import dataclass\n\n@dataclass(frozen=True)\nclass Part:\n    size: int\n"


def test_a_part_that_moves_keeps_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same class under two paths of one package; a class of the same name in another package is another part."""
    for place in ("mine/old/__init__.py", "mine/new/deeper.py", "other/old.py"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(PART)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()

    def key(target: str, size: int = 3) -> str:
        config = plain(OmegaConf.create({"metric": {"_target_": target, "size": size}}))
        return artifact_key(Stage("score", 1), config, {})

    assert key("mine.old.Part") == key("mine.new.deeper.Part")
    assert len({key("mine.old.Part"), key("mine.old.Part", 4), key("other.old.Part")}) == 3


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("conself.metrics.nll.NLL", "conself:NLL"),
        ("sklearn.cluster.KMeans", "scikit-learn:KMeans"),  # the distribution's name is not the package's
        ("nowhere.installed.Part", "nowhere:Part"),
    ],
)
def test_a_part_is_named_by_distribution_and_class(target: str, name: str) -> None:
    assert part_name(target) == name


@pytest.mark.parametrize(
    ("name", "snake"),
    [("NLL", "nll"), ("CodeSemanticEntropy", "code_semantic_entropy"), ("HumanEvalPlus", "human_eval_plus")],
)
def test_snake_case(name: str, snake: str) -> None:
    assert snake_case(name) == snake


def test_no_two_parts_that_are_in_keys_share_a_name() -> None:
    """Every class that a YAML names outside ``runtime``, which stays out of keys."""
    paths: dict[str, set[str]] = defaultdict(set)
    for file in CONF.rglob("*.yaml"):
        for target in targets(OmegaConf.to_container(OmegaConf.load(file), resolve=False)):
            paths[part_name(target)].add(target)
    assert len(paths) > 50
    assert {name: sorted(found) for name, found in paths.items() if len(found) > 1} == {}


def targets(node: object) -> list[str]:
    if isinstance(node, list):
        return [target for value in node for target in targets(value)]
    if not isinstance(node, dict):
        return []
    own = [node["_target_"]] if isinstance(node.get("_target_"), str) else []
    return own + [target for key, value in node.items() if key != "runtime" for target in targets(value)]


def test_every_metric_is_called_as_its_yaml() -> None:
    """So that ``metric=NAME``, the table's row and the dashboard say the same; variants name their base."""
    for file in (CONF / "metric").glob("*.yaml"):
        config = OmegaConf.to_container(OmegaConf.load(file), resolve=False)
        assert isinstance(config, dict)
        if "_target_" in config:
            assert re.fullmatch(rf"{snake_case(config['_target_'].rpartition('.')[2])}(_\w+)?", file.stem)
