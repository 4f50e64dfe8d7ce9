"""Calibration of probabilities: Brier score, expected calibration error, abstention curve."""

from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10


@dataclass(frozen=True)
class Point:
    """A point of an abstention curve: answers with a confidence of at least ``threshold`` are given.

    ``coverage`` is the share of all problems that are answered, ``accuracy`` the share of these that are right.
    """

    threshold: float
    coverage: float
    accuracy: float


def brier(probabilities: Sequence[float], right: Sequence[bool]) -> float:
    """Mean squared difference of probability and outcome (Brier, Monthly Weather Review 78, 1950); lower is better.

    Raises:
        ValueError: there is nothing to average, or not as many outcomes as probabilities.
    """
    _check(probabilities, right)
    return sum((p - r) ** 2 for p, r in zip(probabilities, right, strict=True)) / len(probabilities)


def calibration_error(probabilities: Sequence[float], right: Sequence[bool]) -> float:
    """Compute the expected calibration error over ten bins of equal width: mean distance of probability and accuracy.

    Each bin is weighted by its size (Naeini et al., AAAI 2015); 1.0 belongs to the last bin.

    Raises:
        ValueError: as :func:`brier`.
    """
    _check(probabilities, right)
    bins: dict[int, list[tuple[float, bool]]] = {}
    for p, r in zip(probabilities, right, strict=True):
        bins.setdefault(min(int(p * BINS), BINS - 1), []).append((p, r))
    gaps = (abs(sum(p for p, _ in held) - sum(r for _, r in held)) for held in bins.values())
    return sum(gaps) / len(probabilities)


def abstention_curve(confidences: Sequence[float | None], right: Sequence[bool]) -> list[Point]:
    """Compute coverage and accuracy for every distinct threshold, from the most confident answers to all of them.

    Args:
        confidences: of the answer to each problem, None without an answer: that problem is never answered.
        right: whether each answer is right.

    Returns:
        A point for each distinct confidence, highest first; equally confident answers are given together.

    Raises:
        ValueError: not as many outcomes as confidences.
    """
    pairs = sorted(
        ((c, r) for c, r in zip(confidences, right, strict=True) if c is not None), key=lambda pair: -pair[0]
    )
    points: list[Point] = []
    solved = 0
    for answered, (confidence, is_right) in enumerate(pairs, start=1):
        solved += is_right
        if answered == len(pairs) or pairs[answered][0] != confidence:
            points.append(Point(confidence, answered / len(confidences), solved / answered))
    return points


def _check(probabilities: Sequence[float], right: Sequence[bool]) -> None:
    if not probabilities or len(probabilities) != len(right):
        raise ValueError(
            f"{len(probabilities)} probabilities and {len(right)} outcomes: give one each, and at least one"
        )
