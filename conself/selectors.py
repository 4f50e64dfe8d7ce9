"""Ways to choose one candidate without an oracle."""

from collections.abc import Callable, Mapping

from conself.consensus import Consensus
from conself.records import Pool

SELECTORS: Mapping[str, Callable[[Pool, Consensus], int | None]] = {"consensus": lambda _, consensus: consensus.winner}
"""By the name in ``results.json``."""
