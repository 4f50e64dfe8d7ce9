"""Short labels for runs, from the settings in which they differ."""

from collections.abc import Mapping, Sequence
from typing import Any

# Logging, storage and speed settings do not change a run's results. Earlier runs say logger.
_SPEED = ("hydra", "artifacts", "tracking", "logger", "executor", "runtime", "experiment", "layout", "strategy", "out")
_UNSAID = "default"  # the value of a setting that a run was not asked for
_OTHER_SEEDS = ("dataset", "benchmark")  # their seeds select problems, and are not the run's
_GONE = "removed"
_MOST, _LONG = 3, 40  # settings of a label that no command line says, and characters of one


def settings_of(
    keys: Sequence[str], overrides: Mapping[str, str], config: Mapping[str, Any], choices: Mapping[str, str]
) -> dict[str, str]:
    """Return key -> value in one run: the YAML chosen in a group, else the configured value, else the word given.

    Keys of speed, of logging and of the seed are left out.
    """
    return {key: _value(key, overrides, config, choices) for key in keys if _tells(key)}


def differing(settings: Sequence[Mapping[str, str]]) -> list[str]:
    """Return the keys whose value is not the same in all of them, in the order of the first."""
    return [key for key in settings[0] if len({each.get(key) for each in settings}) > 1] if settings else []


def word_of(word: str) -> tuple[str, str]:
    """Parse a word of Hydra's command line into key and value: ``+a.b=1`` is (a.b, 1), ``~a/b`` is (b, removed)."""
    key, _, value = word.lstrip("+~").partition("=")
    return group_name(key), _GONE if word.startswith("~") else value


def group_name(group: str) -> str:
    """Return a group without its folders: ``matched`` of ``pipeline/matched``, as earlier runs call it too."""
    return group if group.startswith("hydra/") else group.rpartition("/")[2]


def labelled(method: str, own: Mapping[str, str]) -> str:
    """Return a method with its settings: ``conself tau=0.3``; unset or null settings are omitted."""
    said = [f"{key}={' '.join(value.split())}" for key, value in own.items() if value not in ("null", _UNSAID)]
    return " ".join([method, *said])


def apart(label: str, configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a longer label per configuration, by the first few differing settings; those of analysis do not count."""
    settings = [{k: v for k, v in telling(config).items() if not k.startswith("metrics.")} for config in configs]
    keys = list(dict.fromkeys(key for each in settings for key in each))
    full = [{key: each.get(key, _UNSAID) for key in keys} for each in settings]
    short = [key for key in differing(full) if all(len(each[key]) <= _LONG for each in full)]
    return [labelled(label, {key: each[key] for key in short[:_MOST]}) for each in full]


def metric_of(config: Mapping[str, Any], choices: Mapping[str, str]) -> str:
    """Return the metric that drives the curriculum: its YAML's name, else its function's; "" if there is none."""
    if "metric" in choices:
        return choices["metric"]
    node = config.get("metric")
    if isinstance(node, Mapping):
        return next((n for n, m in (config.get("metrics") or {}).items() if m == node), _target(node))
    return str(node or "")


def flattened(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the leaves of nested settings under dotted names, as text; an empty group counts as a leaf."""
    found: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            found |= flattened(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = text_of(value)
    return found


def telling(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the flattened settings that may change a run's results, without the seed."""
    return {key: value for key, value in flattened(config).items() if _tells(key)}


def text_of(value: Any) -> str:
    """Return a setting as written on a command line: ``null``, ``true``, ``0.3``, ``[a,b]``."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, list):
        return f"[{','.join(map(text_of, value))}]"
    return str(value)


def _tells(key: str) -> bool:
    parts = key.replace("@", ".").split(".")
    is_seed = parts[-1] == "seed" and parts[0] not in _OTHER_SEEDS
    return parts[0] not in _SPEED and "runtime" not in parts and not is_seed


def _value(key: str, overrides: Mapping[str, str], config: Mapping[str, Any], choices: Mapping[str, str]) -> str:
    if key in choices:
        return choices[key]
    node: Any = config
    for part in key.split("."):
        node = node.get(part, _UNSAID) if isinstance(node, Mapping) else _UNSAID
    return overrides.get(key, _UNSAID) if isinstance(node, Mapping) or node == _UNSAID else text_of(node)


def _target(node: Mapping[str, Any]) -> str:
    return str(node.get("_target_", "")).split(".")[-1]
