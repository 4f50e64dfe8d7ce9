"""Kappa disagreement: how far candidates fall short of agreeing beyond chance."""

from dataclasses import dataclass
from math import fsum

from conself.agreement.traces import Agreement
from conself.agreement.votes import incomplete, kappas
from conself.records import Pool, Undefined


@dataclass(frozen=True)
class KappaDisagreement:
    """1 - the mean of Cohen's kappa over all pairs of the K candidates; one that crashes anywhere agrees with nothing.

    Programs that return None, or True, on every input agree by their habits, whatever the problem is: kappa takes away
    what shuffled inputs would have given as well (:func:`conself.agreement.votes.kappa`), and gives such pairs 0. That
    is what the rules of :class:`conself.agreement.behaviour.Behaviour` do, with no rule, no threshold and by degrees;
    the mean over pairs is Light's kappa for more than two raters (Light, Psychological Bulletin 76, 1971).
    """

    def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
        """A value in [0, 2]: 0 for one behaviour that tells inputs apart, 1 where nothing exceeds chance.

        Undefined with fewer than two candidates, or fewer than two inputs: of one output, chance is not known.
        """
        if reason := incomplete(agreement.keys):
            return reason
        k = len(agreement.keys)
        if k < 2:
            return Undefined("fewer than 2 candidates")
        if len(agreement.keys[0]) < 2:
            return Undefined("fewer than 2 inputs")
        return 1.0 - fsum(value for row in kappas(agreement.keys) for value in row) / (k * (k - 1))
