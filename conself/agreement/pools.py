"""Agreement within a pool, by the rules of a job."""

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.agreement.traces import Agreement, agreement_of, trace_keys
from conself.records import Pool


def agreement(pool: Pool, comparison: Comparison, behaviour: Behaviour) -> Agreement:
    """Compute the agreement of a pool's candidates under the given comparison and behaviour rules.

    Raises:
        ValueError: the numbers of the pool's candidates, traces and inputs do not match.
    """
    return agreement_of(behaviour(trace_keys(pool, comparison), pool.problem.entry_point is None))
