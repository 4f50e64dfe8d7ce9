"""The command ``conself``, also ``python -m conself``: passes its words to the command that the first one names."""

import argparse
import os
import sys
from importlib import import_module

from conself import __version__

_COMMANDS = {
    "train": "improve a model by its own samples: sample, execute, score, select, pair, fit, evaluate",
    "score": "measure the uncertainty of any pool of programs",
    "evaluate": "pass@k of a model, or of completions from elsewhere, on benchmarks",
    "status": "what jobs are making, waiting for, or left unfinished in a store: artifacts=DIR",
    "report": "tables, figures and an HTML report of finished runs (needs the extra [report])",
}


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, _COMMANDS))
    parser = argparse.ArgumentParser(
        prog="conself",
        usage="conself COMMAND [group=choice] [key=value] ...",
        description="Code language models that improve themselves without a teacher and without a test oracle.",
        epilog="commands:\n"
        + "".join(f"  {name:<{width}}  {text}\n" for name, text in _COMMANDS.items())
        + "\n`conself COMMAND --help` lists the words that a command takes.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=_COMMANDS, metavar="COMMAND", help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=f"conself {__version__}")
    return parser


def main() -> None:
    """Run one command; the user's own parts are imported from the current folder, as with ``python -m``.

    Raises:
        SystemExit: 2 for an unknown command; otherwise as the command ends.
    """
    command: str = _parser().parse_args(sys.argv[1:2]).command
    if not sys.flags.safe_path and os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # last, so that no file in it hides a library
    sys.argv = [f"{sys.argv[0]} {command}", *sys.argv[2:]]
    import_module(f"conself.{command}").main()


if __name__ == "__main__":
    main()
