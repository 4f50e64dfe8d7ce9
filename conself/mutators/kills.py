"""Which inputs tell a mutant from the program that it was made of."""

from collections.abc import Sequence

from conself.agreement.comparison import Comparison
from conself.records import Outcome, Status


def kills(
    original: Sequence[Outcome], mutants: Sequence[Sequence[Outcome]], comparison: Comparison, is_stdin: bool
) -> list[tuple[bool, ...]]:
    """For each mutant, on which of M inputs its outcome differs from the original's.

    All ways not to give an output are one, a time-out among them: on an input on which both crash they are alike. Where
    the original's output cannot be read, nothing can be told. A mutant that is told apart on no input is equivalent to
    the original there, and no test with these inputs can kill it.

    Args:
        original: M outcomes.
        mutants: as many of each mutant.
        comparison: when two outputs are one and the same.
        is_stdin: whether outputs are texts on standard output.

    Raises:
        ValueError: a mutant has not M outcomes.
    """
    columns = [_differ(column, comparison, is_stdin) for column in zip(original, *mutants, strict=True)]
    return [tuple(column[number] for column in columns) for number in range(len(mutants))]


def _differ(outcomes: Sequence[Outcome], comparison: Comparison, is_stdin: bool) -> list[bool]:
    """Whether each outcome but the first differs from the first."""
    values = sorted({outcome.value for outcome in outcomes if outcome.status is Status.OK})
    keys = dict(zip(values, comparison.keys(values, is_stdin), strict=True))
    first, *others = outcomes
    if first.status is not Status.OK:
        return [other.status is Status.OK for other in others]
    own = keys[first.value]
    return [own is not None and (other.status is not Status.OK or keys[other.value] != own) for other in others]
