"""The pools of programs that the runs hold, and what each run selected and paired from them.

Runs whose ``agree`` artifact is the same share a pool, and so one set of pages; each different way of selecting and
pairing among them is listed once, with the runs that took it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..runs import Run, artifact

_NEEDED = ("agree", "problems", "sample", "execute")
SHORT = 12
"""Number of characters of an artifact's key in a folder's name."""


@dataclass(frozen=True)
class Taken:
    """One way of selecting problems and pairing candidates: its artifacts and its runs (labels with seeds)."""

    name: str
    select: Path
    pair: Path
    runs: tuple[str, ...]


@dataclass(frozen=True)
class PoolSource:
    """The artifacts of one pool.

    Attributes:
        key: of the ``agree`` artifact.
        name: distinguishes the pool from the others: seed, round, label.
        problems, sample, execute, agree: artifact folders.
        verify: folder of the verdicts, None if no oracle is known.
        metrics: label -> folder, the metric that drives the curricula first.
        taken: the runs' selections and pairs from it.
        runs: names of the run folders that use it.
    """

    key: str
    name: str
    problems: Path
    sample: Path
    execute: Path
    agree: Path
    verify: Path | None
    metrics: Mapping[str, Path]
    taken: tuple[Taken, ...]
    runs: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Return the name of the folder that holds its pages."""
        return self.key[:SHORT]


def pools_of(runs: Sequence[Run]) -> list[PoolSource]:
    """Return the pools that the runs' artifacts hold, in the order of the runs; runs without any are left out."""
    groups: dict[str, list[tuple[Run, int]]] = {}
    for run in runs:
        for number in range(1, len(run.rounds) + 1):
            places = [artifact(run, name, number) for name in _NEEDED]
            if all((place / "manifest.json").is_file() for place in places):
                groups.setdefault(places[0].resolve().name, []).append((run, number))
    return _disambiguated([_pool(key, users) for key, users in groups.items()], list(groups.values()))


def without_pages(runs: Sequence[Run]) -> list[Run]:
    """Return the runs whose artifacts hold no pool: moved, or made by a version without the stage ``agree``.

    Those that never drew one, as reinforcement of all problems, are not among them.
    """
    known = {name for pool in pools_of(runs) for name in pool.runs}
    return [run for run in runs if run.name not in known and _drew(run)]


def _drew(run: Run) -> bool:
    made = run.results.get("artifacts")
    return not made or any(name.rpartition("/")[2] == "sample" for name in made)


def _pool(key: str, users: Sequence[tuple[Run, int]]) -> PoolSource:
    run, number = users[0]

    def at(name: str) -> Path:
        return artifact(run, name, number).resolve()

    verify = at("verify")
    return PoolSource(
        key=key,
        name=_name(run, number),
        problems=at("problems"),
        sample=at("sample"),
        execute=at("execute"),
        agree=at("agree"),
        verify=verify if (verify / "verdicts.jsonl").is_file() else None,
        metrics=_metrics(users),
        taken=_taken(users),
        runs=tuple(dict.fromkeys(user.name for user, _ in users)),
    )


def _name(run: Run, number: int) -> str:
    return f"seed {run.seed}, round {number}" if len(run.rounds) > 1 else f"seed {run.seed}"


def _disambiguated(found: Sequence[PoolSource], users: Sequence[Sequence[tuple[Run, int]]]) -> list[PoolSource]:
    """Return the pools with unique names: seed and round, then if needed the first run's label, then the key."""
    pools = list(found)
    longer = [[f", {group[0][0].label}" for group in users], [f", {pool.key[:SHORT]}" for pool in pools]]
    for ends in longer:
        times = Counter(pool.name for pool in pools)
        pools = [
            replace(pool, name=pool.name + end) if times[pool.name] > 1 else pool
            for pool, end in zip(pools, ends, strict=True)
        ]
    return pools


def _metrics(users: Sequence[tuple[Run, int]]) -> dict[str, Path]:
    """Return label -> folder, the first run's driver first; a label with other settings elsewhere adds its key."""
    found: dict[str, Path] = {}
    for run, number in users:
        names = {run.metric or "driver": "score/driver"}
        names |= {str(label): f"score/{label}" for label in run.config.get("metrics") or {}}
        for label, name in names.items():
            folder = artifact(run, name, number).resolve()
            if not folder.is_dir() or folder in found.values():
                continue
            found[label if label not in found else f"{label} ({folder.name[:SHORT]})"] = folder
    return found


def _taken(users: Sequence[tuple[Run, int]]) -> tuple[Taken, ...]:
    groups: dict[tuple[Path, Path], list[Run]] = {}
    for run, number in users:
        select, pair = artifact(run, "select", number).resolve(), artifact(run, "pair", number).resolve()
        if (select / "selection.json").is_file():
            groups.setdefault((select, pair), []).append(run)
    taken = []
    for (select, pair), group in groups.items():
        labels = list(dict.fromkeys(run.label for run in group))
        names = tuple(f"{run.label}, seed {run.seed} ({run.name})" for run in group)
        taken.append(Taken(" · ".join(labels), select, pair, names))
    return tuple(taken)
