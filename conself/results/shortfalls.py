"""Count shortfalls of executions and verdicts, ``losses`` in results.json, with the setting that changes each."""

from collections.abc import Mapping, Sequence

from omegaconf import DictConfig
from rich.console import Console

from conself.runtime.console import say
from conself.sandbox.jsonlines import Plain
from conself.store.artifacts import Artifact

_EXECUTED = {
    "missing_modules": "programs lack a module",
    "recursion_errors": "programs recurse too deeply: raise it with sys.setrecursionlimit in the data set's prefix",
    "cut_outputs": "programs gave too long an output, which counts as none: raise {limits}.output_kb",
    "unreadable": "programs gave a value that cannot be read and equals no other: docs/equality.md says which",
    "long_iterators": "programs gave an iterator that was read only in part: docs/equality.md says how far",
    "no_room": "answers are empty, for their prompts fill the model's context: shorten the statements, or set model=",
}
"""Losses of single programs, in words: counts of :class:`conself.sandbox.Summary`, and of sampling.

``{limits}`` is the part of the config that holds limits.
"""
_OTHER = {
    "unanswered": "problems have no sample and count as wrong: add their samples to the file",
    "left_out": "records or inputs are left out: the data set's strict=true stops at the first that cannot be used",
    "malformed": "lines of the samples are malformed: recorded.strict=true stops at the first",
    "unmatched": "samples match no problem of the benchmark: correct their task_ids, or set benchmark= to theirs",
}
"""Other losses, in words."""
_STAGES = {"sample": "sampler", "execute": "sandbox", "reinforce": "sandbox", "evaluate": "judging"}
"""The stages that draw or execute programs, and the part of the config that holds their limits."""

Counts = Mapping[str, int | Mapping[str, int]]
"""Counts of losses; some by name: modules, reasons."""


def losses(artifacts: Mapping[str, Artifact]) -> dict[str, Counts]:
    """Return the nonzero counts of artifacts that drew or executed programs or dropped records, by artifact.

    Besides counts of programs, ``modules`` counts programs that lack a module by its name, ``unanswered`` problems
    without a sample, and ``left_out`` records and inputs by reason.
    """
    stages = ("problems", "decontaminate", *_STAGES)
    by_artifact = {name: _counts(artifact) for name, artifact in artifacts.items() if artifact.stage in stages}
    return {name: counts for name, counts in by_artifact.items() if counts}


def with_remedies(lost: Mapping[str, Counts], artifacts: Mapping[str, Artifact]) -> dict[str, Plain]:
    """Return the entries ``losses`` and ``remedies`` of results.json, the latter in words with the setting to change.

    ``artifacts`` are those with losses, by name.
    """
    remedies = {name: _remedies(artifacts[name].stage, counts) for name, counts in lost.items()}
    return {"losses": dict(lost), "remedies": remedies}


def _remedies(stage: str, counts: Counts) -> dict[str, str]:
    limits = _STAGES.get(stage, "")
    remedies = {key: words.format(limits=limits) for key, words in (_EXECUTED | _OTHER).items() if key in counts}
    if "missing_modules" in remedies:
        remedies["missing_modules"] += _modules(counts, (), limits)
    return remedies


def tell_losses(console: Console, artifact: Artifact, config: DictConfig) -> Artifact:
    """Print the losses of a ``sample``, ``execute`` or ``evaluate`` artifact, and return it.

    ``config`` is the sampler's, or that of the programs' limits.
    """
    counts, limits = _counts(artifact), _STAGES[artifact.stage]
    granted = list(config.get("packages") or ())
    for key, words in _EXECUTED.items():
        if key in counts:
            text = words.format(limits=limits)
            if key == "missing_modules":
                text += _modules(counts, granted, limits)
            say(console, f"- {counts[key]} {text}")
    return artifact


def _counts(artifact: Artifact) -> Counts:
    summary = artifact.summary()
    executed = summary.get("execution", summary)
    counts = {key: executed.get(key) for key in (*_EXECUTED, "modules")}
    counts |= {key: summary.get(key) for key in ("no_room", "unanswered")} | {"left_out": summary.get("dropped")}
    return {key: value for key, value in counts.items() if value}


def _modules(counts: Counts, granted: Sequence[str], limits: str) -> str:
    """Describe the missing modules, the most frequent first, and how to allow them."""
    modules = counts.get("modules")
    by_number = sorted(modules.items(), key=lambda item: -item[1]) if isinstance(modules, Mapping) else []
    named = {name: n for name, n in by_number if name not in granted}
    if not named:
        return f": grant it by {limits}.packages"
    each = ", ".join(f"{name} {n}" for name, n in named.items())
    return f" ({each}): grant it by {limits}.packages=[{','.join([*granted, *named])}] where it is installed"
