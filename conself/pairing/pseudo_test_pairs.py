"""Preference pairs by pseudo tests, the baseline PFPO: what most candidates give becomes the expected output."""

from dataclasses import dataclass, replace

from conself.agreement.consensus import Consensus, pseudo_test_scores, winner
from conself.pairing.ranking import RankedPairs


@dataclass(frozen=True)
class PseudoTestPairs(RankedPairs):
    """Pairs by the share of pseudo tests that a candidate passes (METHOD, "PFPO").

    A pseudo test is an input with the output that most candidates give. The scores of the pairs are these shares.
    """

    def ranked(self, consensus: Consensus) -> Consensus:
        """The agreement with shares of pseudo tests for scores."""
        scores = tuple(pseudo_test_scores(consensus.keys))
        return replace(consensus, scores=scores, winner=winner(scores))
