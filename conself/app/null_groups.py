"""A group cannot be set to null on the command line: Hydra ends such a word in a traceback."""

from pathlib import Path

from conself.runtime.config_folder import CONF


def unset(word: str) -> str | None:
    """Return the message for a word such as ``curriculum=null``, which says how to choose nothing; None for others."""
    key, _, value = word.lstrip("+").partition("=")
    if value.strip().lower() == "null" and (Path(CONF) / key.partition("@")[0]).is_dir():
        return f"{word} chooses none of a group, for which the word is ~{key}"
    return None
