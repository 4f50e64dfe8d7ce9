"""Kappa disagreement: how far candidates fall short of agreeing beyond chance."""

from dataclasses import dataclass
from math import fsum

from conself.agreement.traces import Agreement
from conself.agreement.votes import incomplete, kappas
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class KappaDisagreement:
    """1 - the mean of Cohen's kappa over all pairs of the K candidates; one that crashes anywhere agrees with nothing.

    Programs that return None, or True, on every input agree whatever the problem is. Kappa subtracts the agreement
    expected with shuffled inputs (:func:`conself.agreement.votes.kappa`) and is 0 for such pairs. This has the effect
    of the rules of :class:`conself.agreement.behaviour.Behaviour`, but gradually and without a threshold. The mean over
    pairs is Light's kappa for more than two raters (Light, Psychological Bulletin 76, 1971).
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """Return a value in [0, 2]: 0 for a single non-constant behaviour, 1 if agreement does not exceed chance.

        Undefined with fewer than two candidates or inputs: a single output gives no estimate of chance.
        """
        if reason := incomplete(agreement.keys):
            return reason
        k = len(agreement.keys)
        if k < 2:
            return Undefined("fewer than 2 candidates")
        if len(agreement.keys[0]) < 2:
            return Undefined("fewer than 2 inputs")
        return 1.0 - fsum(value for row in kappas(agreement.keys) for value in row) / (k * (k - 1))
