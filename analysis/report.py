"""``conself report runs=DIR [out=DIR]``: tables, figures, ``report.html`` and a page per problem.

With ``parts=table1_methods,methods`` only these tables and figures, straight into ``out``. In a checkout that is not
installed the same command is ``python -m analysis.report``.
"""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from conself.runtime.console import new_console, say
from conself.sandbox.terminal import answer_interrupts

from .request import USAGE, Request, parse

_EXTRA = ("jinja2", "matplotlib")
"""Libraries that the extra ``[report]`` installs, and that nothing else in ConSelf imports."""


def requested(words: Sequence[str]) -> Request:
    """Return the request of a command line, after checking that the libraries it needs are installed.

    Raises:
        ValueError: as :func:`analysis.request.parse`, or the extra ``[report]`` is not installed.
    """
    request = parse(words)
    if missing := [name for name in _EXTRA if find_spec(name) is None]:
        raise ValueError(
            f"the report needs {' and '.join(missing)}, which the extra [report] brings: pip install 'conself[report]'"
        )
    return request


def _made(request: Request, console: Console) -> list[Path]:
    try:
        from .write_report import make  # imports what the extra brings
    except ImportError as error:  # a library that one of the extra's needs is missing or broken
        raise ValueError(f"the report cannot be made ({error}): pip install 'conself[report]'") from error
    return make(request, console)


def main() -> None:
    """Make one report; an error is one line, with exit status 2."""
    answer_interrupts()
    console = new_console()
    if not {"-h", "--help"}.isdisjoint(sys.argv[1:]):
        say(console, USAGE)
        return
    try:
        request = requested(sys.argv[1:])
        made = _made(request, console)
    except (ValueError, OSError) as error:
        say(console, " ".join(str(error).split()), "error:", "bold red")
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        say(console, "give the same command again to go on", "interrupted:", "bold red")
        raise SystemExit(130) from None
    for path in made:
        say(console, f"{'written' if request.parts else 'report'}: {path}")


if __name__ == "__main__":
    main()
