"""The finished runs below a folder, as plain data: the source of every table, figure and page."""

import json
import os
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from omegaconf import OmegaConf

from .labels import apart, differing, group_name, labelled, metric_of, settings_of, telling, word_of

_RESULTS = "results.json"
_SUMMARY = "summary.json"  # written by `python -m conself.score`
_NOT_JOBS = {"artifacts", "report", ".hydra", "wandb", "tables", "figures", "problems", "answers"}
_DEPTH = 3  # a folder of multirun folders of job folders
# The order of the paper's tables; other methods follow in the order of the runs.
METHODS = (
    "base",
    "ssd",
    "ssd_consensus",
    "pfpo",
    "self_sft",
    "self_dpo",
    "wo_cc",
    "wo_cw",
    "curriculum_by_metric",
    "conself",
)

_KINDS: Mapping[type, str] = {dict: "an object", list: "a list"}
Plain = TypeVar("Plain", dict[str, Any], list[Any])


@dataclass(frozen=True)
class Run:
    """One finished job.

    Attributes:
        folder: the run folder.
        overrides: the words of the command line, key -> value as written.
        config: config.yaml, resolved, as plain data.
        results: results.json as plain data (of ``conself.score``: its summary.json).
        choices: group, without folders -> the YAML chosen in it, as Hydra recorded it; empty where it did not.
        method: ``conself``, ``wo_cw``, ...; "" for a run that trains nothing (``score``, ``evaluate``).
        seed: of sampling and training.
        label: the method and the other settings, except the seed, that differ among the report's runs of it.
        settings: key -> value, for every key that some run of the report was given on the command line.
    """

    folder: Path
    overrides: Mapping[str, str]
    config: Mapping[str, Any]
    results: Mapping[str, Any]
    choices: Mapping[str, str]
    method: str
    seed: int
    label: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return a short name, unique among the runs of a sweep: the sweep's folder and the job's number."""
        return f"{self.folder.parent.name}/{self.folder.name}"

    @property
    def backbone(self) -> str:
        """Return the model's YAML name, or the last part of its own name; "" if there is none."""
        model = self.config.get("model")
        name = str(model.get("name", "")) if isinstance(model, Mapping) else ""
        return Path(name).name if "model.name" in self.overrides else self.choices.get("model") or Path(name).name

    @property
    def metric(self) -> str:
        """Return the name of the metric that drives the curriculum; "" if there is none."""
        return metric_of(self.config, self.choices)

    @property
    def rounds(self) -> Sequence[Mapping[str, Any]]:
        """Return the figures of each round; for a run with one round, its results alone."""
        found: Sequence[Mapping[str, Any]] = self.results.get("rounds") or [self.results]
        return found

    @property
    def first(self) -> Mapping[str, Any]:
        """Return the figures of the first round, whose pool is the base model's: comparable between all runs."""
        return self.rounds[0]


def read_runs(folder: Path | str) -> list[Run]:
    """Read the finished jobs of a multirun folder, a run folder, or a folder of such folders, in order of name.

    Of jobs with the same settings and seed the last one counts, and of those with the same label and seed that made the
    same models and answers (settings of analysis may differ): one that was run twice is no second seed. Jobs of one
    seed with equal command lines get labels of their own, by their settings or else by their folders.

    Raises:
        FileNotFoundError: there is no finished job; names what was found instead.
        ValueError: a run's files are not valid JSON or YAML; names the file.
    """
    root = Path(folder)
    jobs = list(_jobs(root))
    runs = [_read(job) for job in jobs if _results(job) is not None]
    if not runs:
        raise FileNotFoundError(
            f"no finished run below {root} ({len(jobs)} unfinished); "
            "name a run folder (with results.json), a multirun folder, or a folder of these"
        )
    return _apart(_once(_with_labels(runs)))


def unfinished(folder: Path | str) -> list[Path]:
    """Return the job folders below ``folder`` with a configuration but no results: still running, or failed."""
    return [job for job in _jobs(Path(folder)) if _results(job) is None]


def artifact(run: Run, name: str, round: int | None = None) -> Path:  # noqa: A002
    """Return the path of a run's artifact, such as ``score/nll`` or ``evaluate/minipy/tuned``; it may not exist.

    ``round`` counts from 1; None is the only round, or the first of several (the base model's own pool).
    """
    base = run.folder / "artifacts"
    return base / f"round{round or 1}" / name if (base / "round1").is_dir() else base / name


def answers_at(run: Run, benchmark: str, side: str, ending: str = "") -> Path:
    """Return the path of a run's answers to a benchmark: ``base``, before round 1, or ``tuned``, of the kept model.

    The kept model is the last round's, or the best by a validation split; the path may not exist. ``ending`` is
    ``_voters`` for its sampled answers.
    """
    best = int(run.results.get("best_round", len(run.rounds)))
    if side == "base" or not best:
        return artifact(run, f"evaluate/{benchmark}/base{ending}")
    return artifact(run, f"evaluate/{benchmark}/{side}{ending}", best)


def by_label(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """Return label -> its runs by seed, methods in the order of the paper's tables, then in the order of the runs."""
    listed = list(runs)
    methods = list(dict.fromkeys([*METHODS, *(run.method for run in listed)]))
    groups: dict[str, list[Run]] = {}
    for run in sorted(listed, key=lambda run: methods.index(run.method)):
        groups.setdefault(run.label, []).append(run)
    return {label: sorted(group, key=lambda run: run.seed) for label, group in groups.items()}


def read_json(path: Path, kind: type[Plain]) -> Plain:
    """Read the object (``dict``) or the list that a JSON file holds.

    Raises:
        ValueError: the file is not JSON, or holds another type; names the file and the remedy.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise broken(path, "JSON", error) from error
    return _checked(path, found, kind)


def broken(path: Path, expected: str, why: object) -> ValueError:
    """Return the error for an unreadable file; an artifact is named by its real path, not by the link to it."""
    where = path.resolve()
    return ValueError(f"{where} is not {expected} ({why}); remove {where.parent}, and give that job's command again")


def _jobs(root: Path) -> Iterator[Path]:
    """Yield the folders of finished or unfinished jobs; links and the insides of jobs are not searched."""
    for place, folders, files in os.walk(root):
        here = Path(place)
        depth = len(here.relative_to(root).parts)
        folders[:] = sorted((f for f in folders if f not in _NOT_JOBS), key=_natural) if depth < _DEPTH else []
        if _RESULTS in files or _SUMMARY in files or (here / ".hydra" / "config.yaml").is_file():
            folders.clear()
            yield here


def _natural(name: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _results(job: Path) -> Path | None:
    return next((job / name for name in (_RESULTS, _SUMMARY) if (job / name).is_file()), None)


def _read(job: Path) -> Run:
    path = _results(job)
    assert path is not None  # read_runs asks for finished jobs only
    results = read_json(path, dict)
    settings = next((p for p in (job / "config.yaml", job / ".hydra" / "config.yaml") if p.is_file()), job)
    config = _yaml(settings, dict)
    hydra = _yaml(job / ".hydra" / "hydra.yaml", dict)
    choices = ((hydra.get("hydra") or {}).get("runtime") or {}).get("choices") or {}
    words = _yaml(job / ".hydra" / "overrides.yaml", list)
    overrides = dict(word_of(str(word)) for word in words)
    method = str(results.get("method") or config.get("method") or _guessed(overrides, results))
    return Run(
        folder=job,
        overrides=overrides,
        config=config,
        results=results,
        choices={group_name(str(k)): str(v) for k, v in choices.items() if isinstance(v, str)},
        method=method,
        seed=_seed(settings, config),
    )


def _guessed(overrides: Mapping[str, str], results: Mapping[str, Any]) -> str:
    """Return the method of a run that does not state it: its experiment, or the method itself if it trained."""
    return overrides.get("experiment", "conself" if "pairs" in results else "")


def _seed(path: Path, config: Mapping[str, Any]) -> int:
    try:
        return int(config.get("seed") or 0)
    except (TypeError, ValueError):
        found = config["seed"]
        raise broken(path, "a configuration", f"seed is {found!r}, which is no whole number") from None


def _yaml(path: Path, kind: type[Plain]) -> Plain:
    """Read a YAML file as plain data; an empty ``kind`` if the file is missing or empty."""
    if not path.is_file():
        return kind()
    try:
        found = OmegaConf.to_container(OmegaConf.load(path))
    except Exception as error:  # of the YAML reader, which has no common ancestor with OmegaConf's own
        raise broken(path, "YAML", error) from error
    return _checked(path, found or kind(), kind)


def _checked(path: Path, found: object, kind: type[Plain]) -> Plain:
    if not isinstance(found, kind):
        raise broken(path, _KINDS[kind], f"its content is of type {type(found).__name__}")
    return found


def _with_labels(runs: Sequence[Run]) -> list[Run]:
    """Return the runs with their labels and settings, which depend on the other runs."""
    keys = list(dict.fromkeys(key for run in runs for key in run.overrides))
    found = [replace(run, settings=settings_of(keys, run.overrides, run.config, run.choices)) for run in runs]
    several = len({run.backbone for run in found}) > 1
    named = []
    for run in found:
        peers = [other.settings for other in found if other.method == run.method]
        own = {key: run.settings[key] for key in differing(peers)}
        model = {"model": run.backbone} if several else {}
        method = run.method or ("evaluated" if run.results.get("benchmarks") else "scored")
        labels = {"labels": str(run.results["labels"])} if run.results.get("labels") else {}  # always said
        named.append(replace(run, label=labelled(method, {**model, **own, **labels})))
    return named


def _once(runs: Sequence[Run]) -> list[Run]:
    """Return the last of the runs that are equal by their settings, or by what they made."""
    return _last(_last(runs, _asked), lambda run: (run.label, run.seed, _made(run)))


def _last(runs: Sequence[Run], key: Callable[[Run], Hashable]) -> list[Run]:
    places = {key(run): place for place, run in enumerate(runs)}
    return [runs[place] for place in sorted(places.values())]


def _asked(run: Run) -> Hashable:
    return (run.method, run.seed, *sorted(telling(run.config).items())) if run.config else run.folder


def _made(run: Run) -> Hashable:
    """Return the keys of a run's models and answers, which hash all their inputs; its folder if it records none."""
    keys = run.results.get("artifacts") or {}
    made = {name: key for name, key in keys.items() if {"fit", "evaluate"} & set(name.split("/"))}
    return tuple(sorted(made.items())) or run.folder


def _apart(runs: Sequence[Run]) -> list[Run]:
    """Return runs of one label and seed with distinct labels: they differ in what no command line states."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(run.label, []).append(run)
    labels: dict[Path, str] = {}
    for label, group in groups.items():
        seeds = [run.seed for run in group]
        if len(set(seeds)) < len(seeds):
            longer = apart(label, [run.config for run in group])
            unique = len(set(zip(longer, seeds, strict=True))) == len(group)
            named = longer if unique else [f"{label} ({run.name})" for run in group]
            labels |= {run.folder: name for run, name in zip(group, named, strict=True)}
    return [replace(run, label=labels.get(run.folder, run.label)) for run in runs]
