"""A group cannot be set to null on the command line: Hydra ends such a word in a traceback."""

from pathlib import Path

from conself.runtime.config_folder import CONF


def unset(word: str) -> str | None:
    """Return the message for a word such as ``curriculum=null``, which says what to write instead; None for others."""
    key, _, values = word.lstrip("+").partition("=")
    folder = Path(CONF) / key.partition("@")[0]
    if "null" not in (value.strip().lower() for value in values.split(",")):
        return None
    if not (folder.is_dir() or key.startswith("hydra/")):
        return None
    if (folder / "none.yaml").is_file():
        return f"{word} chooses null of a group; choose {key}=none"
    return f"{word} chooses null of a group; leave the word out, or write ~{key} to drop what is chosen by default"
