"""Preference pairs without an oracle: the candidate most agreed with, against those least agreed with."""

from dataclasses import dataclass

from conself.pairing.ranking import RankedPairs


@dataclass(frozen=True)
class ConsensusPairs(RankedPairs):
    """Pairs by consensus score (METHOD, Algorithm 2)."""
