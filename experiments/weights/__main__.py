"""``python -m experiments.weights [MODEL ...] [--into FOLDER]``: fetch the weights that the ``*_local`` models name."""

import argparse
import sys
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from experiments.weights.fetch import Part, Source, fetch

DEFAULT = "qwen2_5_coder_0_5b"


def sources() -> dict[str, Source]:
    """The models of sources.yaml, by name."""
    table: Any = OmegaConf.to_container(OmegaConf.load(Path(__file__).with_name("sources.yaml")))
    return {
        name: Source(row["hub"], row["revision"], row["sha256"], tuple(Part(**part) for part in row["parts"]))
        for name, row in table.items()
    }


def main(words: list[str] | None = None) -> int:
    """Fetch the models that are named, each into a folder of its own; the exit status."""
    known = sources()
    parser = argparse.ArgumentParser(prog="python -m experiments.weights", description=__doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"one of {', '.join(known)} (default: {DEFAULT})")
    parser.add_argument("--into", type=Path, default=Path("weights"), help="the folder (default: weights)")
    asked = parser.parse_args(words)
    if unknown := [name for name in asked.models if name not in known]:
        parser.error(f"there is no model {unknown[0]!r}; there are {', '.join(known)}")
    for name in asked.models or [DEFAULT]:
        try:
            fetch(name, known[name], asked.into, lambda text: print(text, flush=True))
        except KeyboardInterrupt:
            print("interrupted: whole parts are kept; give the same command to go on", file=sys.stderr)
            return 130
        except (OSError, ValueError) as error:
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
