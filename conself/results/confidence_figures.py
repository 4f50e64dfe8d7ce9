"""Figures of a fitted confidence on a pool: its probabilities and their calibration."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from conself.pairings.build import Paired
from conself.sandbox.jsonlines import Plain
from conself.statistics.calibration import abstention_curve, brier, calibration_error
from conself.statistics.confidence import Confidence
from conself.statistics.prediction import auc

Confidences = Mapping[str, Sequence[float]]
Passed = Mapping[str, Sequence[bool]]


def confidence_figures(
    part: Confidence, confidences: Confidences, paired: Mapping[str, Paired], passed: Passed
) -> dict[str, Plain]:
    """Return the ``confidence`` entry of summary.json; figures that need verdicts are null without any.

    ``brier``, ``calibration_error`` and ``auroc`` are over all programs of judged problems; ``base_rate`` is the share
    of them that is right. ``abstention`` is the curve of the ranking's winners (:func:`abstention_curve`).

    Args:
        part: what gave the probabilities.
        confidences: problem id -> K probabilities.
        paired: problem id -> its ranking.
        passed: problem id -> K verdicts, where they are known.
    """
    p = [value for name in passed for value in confidences[name]]
    right = [flag for name in passed for flag in passed[name]]
    winners = {name: paired[name].ranked.winner for name in passed}
    sure = [None if winner is None else confidences[name][winner] for name, winner in winners.items()]
    solved = [winner is not None and passed[name][winner] for name, winner in winners.items()]
    return {
        "labels": "pools",
        "fitted_on": list(part.fitted_on),
        "base_rate": sum(right) / len(right) if right else None,
        "brier": brier(p, right) if p else None,
        "calibration_error": calibration_error(p, right) if p else None,
        "auroc": auc([-value for value in p], right),
        "abstention": [asdict(point) for point in abstention_curve(sure, solved)],
    }
