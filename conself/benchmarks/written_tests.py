"""Judge tests that a model wrote by a reference solution and stored mutants of it. Uses labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conself.agreement.comparison import Comparison
from conself.agreement.passing_matrix import PassingMatrix
from conself.generated_tests.generated_test import GeneratedTest, ReadTests
from conself.generated_tests.passing import columns, distinct_inputs, passing_matrix
from conself.records import Outcome


@dataclass(frozen=True)
class WrittenTests:
    """The figures of R replies, one or several per problem.

    Attributes:
        accuracy: the share of replies whose tests the reference solution all passes. A reply that cannot be read, or
            claims nothing, is wrong.
        unparsable: the share of replies that cannot be read or claim nothing.
        mutation_score: the mean over replies of the share of mutants that fail one of its tests; 0 for a wrong reply,
            because a wrong test fails every program. Only over problems with mutants; None if there are none.
        n_replies: R.
        n_without_mutants: the number of replies to problems without mutants.
    """

    accuracy: float
    unparsable: float
    mutation_score: float | None
    n_replies: int
    n_without_mutants: int


@dataclass(frozen=True)
class Graded:
    """One reply: ``accurate`` is None if it cannot be read; ``killed`` is a share of mutants, None without any."""

    accurate: bool | None
    killed: float | None


def inputs_of(replies: Sequence[ReadTests], is_stdin: bool) -> tuple[str, ...]:
    """List the inputs for the reference solution and its mutants: each input of a problem's replies once."""
    return distinct_inputs((test for reply in replies for test in _claiming(reply)), is_stdin)


def grade(
    replies: Sequence[ReadTests],
    inputs: Sequence[str],
    reference: Sequence[Outcome],
    mutants: Sequence[Sequence[Outcome]],
    comparison: Comparison,
    is_stdin: bool,
) -> list[Graded]:
    """Grade the replies to one problem.

    Args:
        replies: their tests; a test's ``reply`` is its index here.
        inputs: the executed inputs, including those of :func:`inputs_of`.
        reference: the outcomes of the right solution, one for each of ``inputs``.
        mutants: the outcomes of each stored mutant likewise; mutants equivalent to the reference lower the score.
        comparison: decides whether an output equals the claimed one.
        is_stdin: whether inputs are texts for standard input.

    Raises:
        ValueError: an input was not executed, or a program has not one outcome per input.
    """
    tests = [test for reply in replies for test in _claiming(reply)]
    each = columns(tests, "reply", is_stdin)
    matrix = passing_matrix(each, inputs, [reference, *mutants], comparison, is_stdin)
    places = {column[0].reply: place for place, column in enumerate(each)}
    return [_graded(matrix, places.get(number), len(mutants)) for number in range(len(replies))]


def _graded(matrix: PassingMatrix, column: int | None, n_mutants: int) -> Graded:
    if column is None:
        return Graded(None, 0.0 if n_mutants else None)
    accurate, *passed = (row[column] for row in matrix.passed)
    failed = n_mutants - sum(passed) if accurate else 0
    return Graded(accurate, failed / n_mutants if n_mutants else None)


def figures(graded: Mapping[str, Sequence[Graded]]) -> WrittenTests:
    """Compute the figures of the replies to all problems, each reply with the same weight.

    Raises:
        ValueError: there are no replies.
    """
    replies = [each for group in graded.values() for each in group]
    if not replies:
        raise ValueError("no replies to grade; let the model write tests of some problems first")
    killed = [each.killed for each in replies if each.killed is not None]
    return WrittenTests(
        accuracy=sum(each.accurate is True for each in replies) / len(replies),
        unparsable=sum(each.accurate is None for each in replies) / len(replies),
        mutation_score=sum(killed) / len(killed) if killed else None,
        n_replies=len(replies),
        n_without_mutants=len(replies) - len(killed),
    )


def _claiming(reply: ReadTests) -> list[GeneratedTest]:
    return [test for test in reply.tests if test.expected is not None]
