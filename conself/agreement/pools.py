"""What the candidates of a pool agree on, by the rules of a job."""

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.agreement.traces import Agreement, agreement_of, trace_keys
from conself.records import Pool


def agreement(pool: Pool, comparison: Comparison, behaviour: Behaviour) -> Agreement:
    """What the candidates of a pool agree on, when outputs compare and behaviour counts like this.

    Raises:
        ValueError: the pool's candidates, traces and inputs are not equally many.
    """
    return agreement_of(behaviour(trace_keys(pool, comparison), pool.problem.entry_point is None))
