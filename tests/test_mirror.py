"""conf/ mirrors the folders of conself/: a group's parts are in the room, folder or module of the group's name."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
CONF = ROOT / "conf"
PACKAGE = ROOT / "conself"
NO_CODE = {"base", "experiment", "hydra/launcher", "model", "pipeline/matched", "size", "texts/default_grouping"}
"""Groups that choose among the parts of others or set keys, and have no code of their own."""
BEHIND_THE_WALL = {
    "metric/doubt": "statistics",
    "ranking/most_confident": "statistics",
    "ranking/oracle": "calibration",
    "reward/oracle": "calibration",
    "reward/supervised": "calibration",
}
"""Parts that go by labels: no training code may reach their room (tests/test_architecture.py)."""


def spellings(word: str) -> set[str]:
    """A word and its plurals: strategies, losses, curricula."""
    return {word, f"{word}s", f"{word}es", f"{word.removesuffix('y')}ies", f"{word.removesuffix('um')}a"}


def homes(group: Path, package: Path) -> list[Path]:
    """The folders and modules of a package that are called as a group is, each part inside the one before."""
    places = [package]
    for word in group.parts:
        inside = [place / name for place in places for name in spellings(word)]
        places = [found for path in inside for found in (path, path.with_suffix(".py")) if found.exists()]
    return places


def targets(path: Path) -> Iterator[str]:
    """What a choice builds: its own ``_target_``, or that of the node that is called as its group is.

    Else those of the choices that it goes on from, else of its parts.
    """
    node = yaml.safe_load(path.read_text()) or {}
    bases = [base for base in node.get("defaults", []) if isinstance(base, str) and base != "_self_"]
    own = node.get(path.parent.name)
    if "_target_" in node:
        yield node["_target_"]
    elif isinstance(own, dict) and "_target_" in own:
        yield own["_target_"]
    elif bases:
        for base in bases:
            file = CONF / f"{base[1:]}.yaml" if base.startswith("/") else path.with_name(f"{base}.yaml")
            if file.is_file():  # else a library's
                yield from targets(file)
    else:  # a benchmark is below its name
        yield from (part["_target_"] for part in node.values() if isinstance(part, dict) and "_target_" in part)


def file_of(target: str) -> Path:
    """The file of a class by its dotted path; importing nothing but the packages above it."""
    spec = importlib.util.find_spec(target.rpartition(".")[0])
    assert spec is not None, target
    return Path(str(spec.origin))


def strays(conf: Path, package: Path) -> list[str]:
    """The choices whose class is not at home where their group is, and the groups without a home."""
    found = []
    for folder in sorted({path.parent for path in conf.rglob("*.yaml")} - {conf}):
        group = folder.relative_to(conf)
        if group.as_posix() in NO_CODE:
            continue
        places = homes(group, package)
        found += [] if places else [group.as_posix()]
        for path in sorted(folder.glob("*.yaml")):
            name = path.relative_to(conf).with_suffix("").as_posix()
            allowed = [package / BEHIND_THE_WALL[name]] if name in BEHIND_THE_WALL else places
            files = [file_of(target) for target in targets(path)]
            found += [name for file in files if not any(file == home or home in file.parents for home in allowed)]
    return found


def test_every_choice_is_at_home_in_the_room_of_its_group() -> None:
    assert strays(CONF, PACKAGE) == []


def test_the_exceptions_are_ones() -> None:
    """A name that is on a list above without need would hide a stray."""
    assert all((CONF / group).is_dir() for group in NO_CODE)
    for path in (path for group in NO_CODE for path in (CONF / group).glob("*.yaml")):
        assert "_target_" not in (yaml.safe_load(path.read_text()) or {}), path
    for name, room in BEHIND_THE_WALL.items():
        (target,) = targets(CONF / f"{name}.yaml")
        assert target.split(".")[1] == room


def test_every_choice_that_is_built_has_a_target() -> None:
    """So that the first test reads what it is to compare."""
    read = [path for path in CONF.rglob("*.yaml") if list(targets(path))]
    assert len(read) > 80


@pytest.mark.parametrize(
    ("group", "target", "found"),
    [
        ("loss", "conself.losses.dpo.DPO", []),
        ("loss", "conself.metrics.nll.NLL", ["loss/mine"]),
        ("training", "conself.training.layouts.padded.PairsLayout", []),
        ("training/layout", "conself.training.layouts.padded.PairsLayout", []),
        ("training/layout", "conself.training.strategies.distributed.DDP", ["training/layout/mine"]),
        ("layout", "conself.training.layouts.padded.PairsLayout", ["layout", "layout/mine"]),
        ("statistics/confidence", "conself.statistics.confidence.Confidence", []),
        ("statistics/confidence", "conself.statistics.doubt.Doubt", ["statistics/confidence/mine"]),
        ("texts/encoder", "conself.texts.groupings.by_similarity.BySimilarity", ["texts/encoder/mine"]),
    ],
)
def test_a_choice_in_another_room_is_seen(group: str, target: str, found: list[str], tmp_path: Path) -> None:
    (tmp_path / group).mkdir(parents=True)
    (tmp_path / group / "mine.yaml").write_text(f"_target_: {target}\n")
    assert strays(tmp_path, PACKAGE) == found
    (tmp_path / group / "other.yaml").write_text("defaults:\n- mine\n- _self_\nkey: 1\n")
    inherited = [name.replace("mine", "other") for name in found if name.endswith("mine")]
    assert strays(tmp_path, PACKAGE) == [*found, *inherited]
