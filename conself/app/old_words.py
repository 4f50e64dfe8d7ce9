"""Renamed words of the command line: each is refused with a line that gives the new word."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from itertools import chain, pairwise, product
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from conself.app.extras import lacking
from conself.app.null_groups import unset
from conself.runtime.console import new_console, say
from conself.runtime.plain import settings_of
from conself.sandbox.jsonlines import Plain

_CHOICES = {
    "sampler=transformers": "engine=transformers",
    "sampler=vllm": "engine=vllm",
    "sampler=openai": "engine=openai, in training with engine@answering=transformers",
    "decoder=transformers": "engine=transformers",
    "decoder=vllm": "engine=vllm",
    "decoder=openai": "engine=openai",
    "decoder=recorded": "samples=FILE",
    "pairing=consensus_pairs": "ranking=consensus pairing=winner_and_losers",
    "pairing=pseudo_test_pairs": "ranking=pseudo_tests pairing=winner_and_losers",
}
"""Choices of a group."""
_GROUPS = {
    "confidence": "statistics/confidence",
    "encoder": "texts/encoder",
    "grouping": "texts/grouping",
    "layout": "training/layout",
    "matched": "pipeline/matched",
    "prefix": "sandbox/prefix",
    "strategy": "training/strategy",
    "texts@_global_": "texts/default_grouping",
}
"""Groups that moved within conf/: the choice, the sign and the package behind an @ stay the same."""
_REPLACED = {
    "sampler.endpoint.top_logprobs": "engine.endpoint.logprobs=true (or false) with sampler.entropy_top_k",
    "decoder.endpoint.top_logprobs": "engine.endpoint.logprobs=true (or false) with decoder.entropy_top_k",
}
"""Keys whose value has another form."""
_MOVED = {
    f"{part}.{key}": f"engine.{key}"
    for part in ("sampler", "decoder")
    for key in ("runtime", "endpoint", "max_model_len")
} | {"runtime.workers": "executor.workers", "logger": "tracking"}
"""Keys that moved with all that is below them; a key at the top is a group as well."""
_GONE = {"recorded.runtime": "a file is read in one call"}
"""Keys that are no more, with all below them, and why."""
_NO_GROUP = {"recipe": "a model's settings are in its own YAML of conf/model/, under recipe"}
"""Groups that are no more, and why."""
_MODULES = {
    "models.few_shot": "prompts.few_shot",
    "models.prompts": "prompts.prompts",
    "runtime.local": "executors.local",
    "texts.by_entailment": "texts.groupings.by_entailment",
    "texts.by_similarity": "texts.groupings.by_similarity",
    "texts.hub_encoder": "texts.encoders.hub",
    "texts.policy_encoder": "texts.encoders.policy",
    "training.devices": "training.strategies",
}
"""Modules and folders of conself/ that moved, and that a ``_target_`` may name."""


def told(word: str) -> str | None:
    """Return the message for an old word of the command line or an old key; None if it is not old."""
    bare = word.lstrip("+~")
    sign = word.removesuffix(bare)
    key, equals, value = bare.partition("=")
    group = key.partition("@")[0]  # pairing@matched.pairing=...
    if group in _NO_GROUP:
        return f"{word} is to be left out: {_NO_GROUP[group]}"
    for choice in value.strip("[]").split(","):  # several in a sweep
        if (new := _CHOICES.get(f"{group}={choice}")) is not None:
            return f"{word} is now {new}"
    for old in (key, group):
        if old in _GROUPS:
            return f"{word} is now {sign}{_GROUPS[old]}{key.removeprefix(old)}{equals}{value}"
    if key in _REPLACED:
        return f"{word} is now {_REPLACED[key]}"
    for old, new in _MOVED.items():
        if f"{key}.".startswith(f"{old}."):
            return f"{word} is now {sign.strip('+')}{new}{key.removeprefix(old)}{equals}{value}"
    for old, why in _GONE.items():
        if f"{key}.".startswith(f"{old}."):
            return f"{word} is to be left out: {why}"
    return None


def refusing_old_words(main: Callable[[], None]) -> Callable[[], None]:
    """Wrap the entry point ``main`` to report old words first: Hydra's own message would not name the new form.

    An extra that a word needs and that is not installed is reported as well, and so is a group that is set to null. The
    defaults lists of YAMLs that the command line chooses from the user's own folder are checked.

    Raises:
        SystemExit: 2, if there is an old word.
    """

    @wraps(main)
    def checked() -> None:
        words = [word for word in sys.argv[1:] if "=" in word or word.startswith("~")]
        said = filter(None, chain(map(told, words), map(lacking, words), map(unset, words)))
        line = next(chain(said, _told_of_defaults(sys.argv[1:], words)), None)
        if line is not None:
            say(new_console(), line, "error:", "bold red")
            raise SystemExit(2)
        main()

    return checked


def _told_of_defaults(arguments: Sequence[str], words: Sequence[str]) -> Iterator[str]:
    """Return the messages for old words in the defaults of each YAML that ``words`` choose below ``--config-dir``."""
    folders = [folder for flag, folder in pairwise(arguments) if flag in ("--config-dir", "-cd")]
    folders += [word.partition("=")[2] for word in words if word.startswith("--config-dir=")]
    chosen = [(word.lstrip("+").partition("@")[0].partition("=")[0], word.partition("=")[2]) for word in words]
    for folder, (group, names) in product(folders, chosen):
        for name in names.strip("[]").split(","):
            path = os.path.join(folder, group, f"{name.strip()}.yaml")
            for word in _defaults(path) if os.path.isfile(path) else ():
                if (line := told(word)) is not None:
                    yield f"{path}: {line}"


def _defaults(path: str) -> Iterator[str]:
    """Convert a YAML's defaults list to words: ``override /pairing: winner_only`` becomes pairing=winner_only."""
    try:
        node = OmegaConf.to_container(OmegaConf.load(path))
    except Exception:  # whatever is wrong with the file, Hydra says it
        return
    entries = node.get("defaults") if isinstance(node, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        for key, value in entry.items() if isinstance(entry, dict) else ():
            names = ",".join(map(str, value)) if isinstance(value, list) else value
            yield f"{str(key).rpartition(' ')[2].removeprefix('/')}={names}"


def check_old_keys(config: DictConfig) -> None:
    """Check that a config has no old keys and no old paths of classes, which a user's own YAML may hold.

    Raises:
        ValueError: names the key, and the new name of the key or class.
    """
    for key in (*_REPLACED, *_MOVED, *_GONE):
        if OmegaConf.select(config, key) is not None:
            raise ValueError(told(key))
    for where, target in _targets(settings_of(config), ""):
        for old, new in _MODULES.items():
            if target.startswith(f"conself.{old}."):
                raise ValueError(f"{where}: {target} is now conself.{new}{target.removeprefix(f'conself.{old}')}")


def _targets(node: Plain, where: str) -> Iterator[tuple[str, str]]:
    """Yield every ``_target_`` of a config, with its dotted key."""
    if isinstance(node, dict):
        for key, value in node.items():
            place = f"{where}.{key}" if where else str(key)
            yield from [(place, str(value))] if key == "_target_" else _targets(value, place)
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _targets(value, f"{where}[{index}]")


def check_old_files(folders: Sequence[str], model: str) -> None:
    """Check that there is no recipe file of a user's own model: it would no longer be read.

    ``folders`` are the folders of YAMLs, ``model`` is the chosen model.

    Raises:
        ValueError: names the file, and where its settings belong.
    """
    for folder in folders:
        if (path := Path(folder) / "recipe" / f"{model}.yaml").is_file():
            raise ValueError(
                f"{path} is no longer read: put its tau, learning_rate, ... under `recipe:` in the model's own YAML, "
                f"{Path(folder) / 'model' / f'{model}.yaml'} (conf/model/minipy.yaml is one), and delete it"
            )
