"""The arguments of the report command: where the runs are, and which outputs are requested."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from conself.runtime.places import check_folder

USAGE = "usage: conself report runs=DIR [out=DIR] [parts=NAME,NAME]"
_KEYS = ("runs", "out", "parts")


@dataclass(frozen=True)
class Request:
    """Where the runs are, where the report goes, and the requested tables and figures (none: everything)."""

    runs: Path
    out: Path
    parts: tuple[str, ...] = ()


def parse(words: Sequence[str]) -> Request:
    """Parse the words of a command line; ``out`` is ``<runs>/report`` unless given.

    Raises:
        ValueError: a word is not ``key=value``, names an unknown key or repeats one; ``runs`` is missing or not
            a folder; or ``out`` can't be made a folder or be written into.
    """
    given: dict[str, str] = {}
    for word in words:
        key, mark, value = word.partition("=")
        if key not in _KEYS or not mark or not value:
            raise ValueError(f"{word!r} is none of runs=DIR, out=DIR and parts=NAME,NAME; {USAGE}")
        if key in given:
            raise ValueError(f"{key}= is given twice; {USAGE}")
        given[key] = value
    if "runs" not in given:
        raise ValueError(f"runs= is missing: name a run folder, a multirun folder, or a folder of these; {USAGE}")
    runs = Path(given["runs"]).expanduser()
    if not runs.is_dir():
        raise ValueError(f"runs={runs} is no folder; jobs leave theirs in runs/ and multirun/")
    out = Path(given["out"]).expanduser() if "out" in given else runs / "report"
    try:
        check_folder(out, "out")
    except OSError as error:
        raise ValueError(str(error)) from None
    return Request(runs, out, tuple(filter(None, given.get("parts", "").split(","))))
