"""Diagnostics of a step with testers that need no oracle: figures by name, all means."""

from collections.abc import Sequence
from statistics import fmean

from conself.generated_tests.generated_test import Reason
from conself.metrics.matrix_rank import matrix_rank
from conself.online.diagnostics import Row, response_figures
from conself.online.replies import Replies
from conself.online.verification import Verified
from conself.rankings.by_tests import classes
from conself.records import Undefined
from conself.tester_rewards.tester_reward import Evidence
from conself.tester_rewards.zerocoder import mutation_scores

PREFIX = "tester_"
"""The prefix of figures that programs have as well."""


def tester_figures(replies: Sequence[Replies], found: Sequence[Verified]) -> Row:
    """Return figures of the tests written for at least one problem; a figure over nothing is left out.

    Over all replies: ``unparsable`` is the share of replies without a readable test; ``rejected_tests`` is the share
    of their tests that cannot be used. Over problems: ``without_tests`` and ``without_right`` are the shares where no
    reply has a test, and where no program is accepted as right. ``matrix_rank`` is the mean rank of the passing
    matrices that have one. Over problems with a program accepted as right: ``right_programs`` is the accepted share
    of the programs that run, and ``right_tests`` the share of tests that an accepted program passes.
    ``test_accuracy`` is the share of tests that the proxy passes. ``mutants`` is the number of mutants that differ
    from the proxy, and ``mutation`` the share of these that a test kills, where there are any.
    """
    read = [each for group in replies for each in group.read]
    used = sum(len(each.tests) for each in read)
    refused = sum(n for each in read for reason, n in each.rejected.items() if reason is not Reason.NO_TESTS)
    ranks = [rank for each in found if not isinstance(rank := matrix_rank(each.passing), Undefined)]
    evidence = [each.evidence for each in found if each.evidence is not None]
    row = {
        "unparsable": fmean(not any(test.expected is not None for test in each.tests) for each in read),
        "without_tests": fmean(each.passing is None for each in found),
        "without_right": fmean(each.evidence is None for each in found),
        **({"rejected_tests": refused / (used + refused)} if used + refused else {}),
        **({"matrix_rank": fmean(ranks)} if ranks else {}),
    }
    return row | (_of_right(evidence) if evidence else {})


def reply_figures(replies: Sequence[Replies]) -> Row:
    """Return the response figures (:func:`conself.online.diagnostics.response_figures`) of all replies."""
    return {f"{PREFIX}{name}": value for name, value in response_figures(replies).items()}


def _of_right(evidence: Sequence[Evidence]) -> Row:
    killed = [fmean(mutation_scores(each)) for each in evidence if each.kills]
    return {
        "right_programs": fmean(len(each.right) / _running(each) for each in evidence),
        "right_tests": fmean(fmean(_passed_by_any(each)) for each in evidence),
        "test_accuracy": fmean(fmean(each.passing.passed[each.proxy]) for each in evidence),
        "mutants": fmean(len(each.kills) for each in evidence),
        **({"mutation": fmean(killed)} if killed else {}),
    }


def _running(evidence: Evidence) -> int:
    return sum(each.size for each in classes(evidence.passing))


def _passed_by_any(evidence: Evidence) -> list[bool]:
    """Return whether a program accepted as right passes each test."""
    rows = [evidence.passing.passed[index] for index in evidence.right]
    return [any(column) for column in zip(*rows, strict=True)]
