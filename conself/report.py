"""The report of finished runs: ``python -m conself.report runs=DIR [out=DIR] [parts=NAME,NAME]``.

It is a separate package, which reads the files of runs: ``conself_analysis`` if installed, ``analysis/`` in a checkout.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

INSTALL = "pip install 'conself[report]', or '.[report]' in a checkout"


def main() -> None:
    """Make one report; raises SystemExit as ``analysis.report.main`` does, or if that cannot be imported."""
    try:
        report = import_module(f"{_package()}.report")
    except ImportError as error:
        print(f"error: the report cannot be made ({error}): {INSTALL}", file=sys.stderr)
        raise SystemExit(2) from None
    report.main()


def _package() -> str:
    """Return the package's name; ModuleNotFoundError if there is none, or another's ``analysis`` hides it."""
    if find_spec("conself_analysis"):
        return "conself_analysis"
    checkout = Path(__file__).resolve().parents[1]
    spec = find_spec("analysis")
    places = [] if spec is None else [Path(place).resolve() for place in spec.submodule_search_locations or [""]]
    if checkout / "analysis" not in places:
        other = f"; {places[0]} is another package" if places else ""
        raise ModuleNotFoundError(f"its package is neither installed nor in {checkout / 'analysis'}{other}")
    return "analysis"


if __name__ == "__main__":
    main()
