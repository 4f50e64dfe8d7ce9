"""Words of the command line that are no more: each ends a command in one line with the word in its place."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps

from conself.runtime.console import new_console, say

OLD_WORDS: Mapping[str, str] = {"runtime.workers": "executor.workers"}
"""Old key -> new key."""


def refusing_old_words(main: Callable[[], None]) -> Callable[[], None]:
    """A command that first looks for old words; its configs do not have them, and Hydra can only say so.

    Raises:
        SystemExit: status 2, after a line that names the first such word, and its new one.
    """

    @wraps(main)
    def checked() -> None:
        if (line := old_word(sys.argv[1:])) is not None:
            say(new_console(), line, "error:", "bold red")
            raise SystemExit(2)
        main()

    return checked


def old_word(words: Sequence[str]) -> str | None:
    """What to say of the first override of an old key among the words of a command; None where there is none."""
    for word in words:
        key = word.partition("=")[0].lstrip("+~")
        if key in OLD_WORDS:
            return f"{key} is {OLD_WORDS[key]} now: give {word.replace(key, OLD_WORDS[key], 1)}"
    return None
