"""The report of finished runs: ``python -m conself.report runs=DIR [out=DIR] [parts=NAME,NAME]``.

It is a package of its own, which reads what runs leave behind: ``conself_analysis`` where it is installed,
``analysis/`` in a checkout.
"""

from importlib import import_module
from importlib.util import find_spec


def main() -> None:
    """Make one report; raises SystemExit as ``analysis.report.main`` does."""
    package = "conself_analysis" if find_spec("conself_analysis") else "analysis"
    import_module(f"{package}.report").main()


if __name__ == "__main__":
    main()
