"""Words of the command line that were once right: each ends in one line that gives the word for it now."""

import sys
from collections.abc import Callable
from functools import wraps

from conself.runtime.console import new_console, say

_CHOICES = {
    "pairing=consensus_pairs": "ranking=consensus pairing=winner_and_losers",
    "pairing=pseudo_test_pairs": "ranking=pseudo_tests pairing=winner_and_losers",
}
"""Choices of a group."""


def told(word: str) -> str | None:
    """What to say of a word of the command line; None where it is no old one."""
    key, _, value = word.lstrip("+~").partition("=")
    for choice in value.strip("[]").split(","):  # several in a sweep
        if (new := _CHOICES.get(f"{key}={choice}")) is not None:
            return f"{word} is now {new}"
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
