"""Words of the command line that were once right: each ends in one line that gives the word for it now."""

import sys
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from conself.runtime.console import new_console, say

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
_REPLACED = {
    "sampler.endpoint.top_logprobs": "engine.endpoint.logprobs=true (or false) with sampler.entropy_top_k",
    "decoder.endpoint.top_logprobs": "engine.endpoint.logprobs=true (or false) with decoder.entropy_top_k",
}
"""Keys whose value has another form."""
_MOVED = {
    f"{part}.{key}": f"engine.{key}"
    for part in ("sampler", "decoder")
    for key in ("runtime", "endpoint", "max_model_len")
} | {"runtime.workers": "executor.workers"}
"""Keys that moved with all that is below them."""
_GONE = {"recorded.runtime": "a file is read in one call"}
"""Keys that are no more, with all below them, and why."""
_NO_GROUP = {"recipe": "what was chosen for a model stands in its own YAML of conf/model/, under recipe"}
"""Groups that are no more, and why."""


def told(word: str) -> str | None:
    """What to say of a word of the command line, or of a key; None where it is no old one."""
    key, equals, value = word.lstrip("+~").partition("=")
    group = key.partition("@")[0]  # pairing@matched.pairing=...
    if group in _NO_GROUP:
        return f"{word} is to be left out: {_NO_GROUP[group]}"
    for choice in value.strip("[]").split(","):  # several in a sweep
        if (new := _CHOICES.get(f"{group}={choice}")) is not None:
            return f"{word} is now {new}"
    if key in _REPLACED:
        return f"{word} is now {_REPLACED[key]}"
    for old, new in _MOVED.items():
        if f"{key}.".startswith(f"{old}."):
            return f"{word} is now {new}{key.removeprefix(old)}{equals}{value}"
    for old, why in _GONE.items():
        if f"{key}.".startswith(f"{old}."):
            return f"{word} is to be left out: {why}"
    return None


def refusing_old_words(main: Callable[[], None]) -> Callable[[], None]:
    """The entry point ``main``, which first shows an old word's new form: Hydra would refuse it for other reasons.

    Raises:
        SystemExit: 2, where there is one.
    """

    @wraps(main)
    def checked() -> None:
        line = next((line for word in sys.argv[1:] if (line := told(word)) is not None), None)
        if line is not None:
            say(new_console(), line, "error:", "bold red")
            raise SystemExit(2)
        main()

    return checked


def check_old_keys(config: DictConfig) -> None:
    """Refuse old keys, which a YAML of the user's own may hold.

    Raises:
        ValueError: names the key, and what it is called now.
    """
    for key in (*_REPLACED, *_MOVED, *_GONE):
        if OmegaConf.select(config, key) is not None:
            raise ValueError(told(key))


def check_old_files(folders: Sequence[str], model: str) -> None:
    """Refuse a recipe in a file of its own, which a user may have for a model: it would no longer be read.

    ``folders`` are those of the YAMLs, ``model`` is the choice of that group.

    Raises:
        ValueError: names the file, and where its settings belong.
    """
    for folder in folders:
        if (path := Path(folder) / "recipe" / f"{model}.yaml").is_file():
            raise ValueError(
                f"{path} is no longer read: put its tau, learning_rate, ... under `recipe:` in the model's own YAML, "
                f"{Path(folder) / 'model' / f'{model}.yaml'} (conf/model/minipy.yaml is one), and delete it"
            )
