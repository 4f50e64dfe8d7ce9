"""Find the inputs that distinguish a mutant from the original program."""

from collections.abc import Sequence

from conself.agreement.comparison import Comparison
from conself.records import Outcome, Status


def kills(
    original: Sequence[Outcome], mutants: Sequence[Sequence[Outcome]], comparison: Comparison, is_stdin: bool
) -> list[tuple[bool, ...]]:
    """Return, for each mutant, on which of M inputs its outcome differs from the original's.

    All outcomes without an output, including time-outs, are equal: on an input on which both crash there is no
    difference. If the original's output cannot be read, no difference is counted. A mutant without any difference is
    equivalent to the original on these inputs, and no test with them can kill it.

    Args:
        original: M outcomes.
        mutants: M outcomes of each mutant.
        comparison: decides whether two outputs are equal.
        is_stdin: whether outputs are texts on standard output.

    Raises:
        ValueError: a mutant has not M outcomes.
    """
    columns = [_differ(column, comparison, is_stdin) for column in zip(original, *mutants, strict=True)]
    return [tuple(column[number] for column in columns) for number in range(len(mutants))]


def _differ(outcomes: Sequence[Outcome], comparison: Comparison, is_stdin: bool) -> list[bool]:
    """Return whether each outcome after the first differs from the first."""
    values = sorted({outcome.value for outcome in outcomes if outcome.status is Status.OK})
    keys = dict(zip(values, comparison.keys(values, is_stdin), strict=True))
    first, *others = outcomes
    if first.status is not Status.OK:
        return [other.status is Status.OK for other in others]
    own = keys[first.value]
    return [own is not None and (other.status is not Status.OK or keys[other.value] != own) for other in others]
