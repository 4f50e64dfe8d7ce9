"""The result of a curriculum, and the min-max normalisation that curricula share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from conself.records import Uncertainty


@dataclass(frozen=True)
class Selection:
    """The problems that a curriculum keeps and those it drops.

    Attributes:
        kept: problem ids.
        ranked: whether ``kept`` is in order of preference, in which problems are taken if the number of pairs is
            limited; otherwise it is in the order given, and problems are drawn at random.
        dropped: problem id -> reason, one of a few fixed texts so that reasons can be counted.
        minimum: lowest defined uncertainty, None when none is defined.
        maximum: highest defined uncertainty, None when none is defined.
        normalised: problem id -> min-max normalised uncertainty in [0, 1], for each defined one.
    """

    kept: tuple[str, ...]
    ranked: bool
    dropped: Mapping[str, str]
    minimum: float | None
    maximum: float | None
    normalised: Mapping[str, float]


class Curriculum(Protocol):
    """Selects the problems to train on by the model's uncertainty about each."""

    def __call__(self, uncertainties: Sequence[Uncertainty]) -> Selection:
        """Partition the problems into those kept and those dropped, the latter with reasons."""
        ...


def normalise(uncertainties: Sequence[Uncertainty]) -> tuple[float | None, float | None, dict[str, float]]:
    """Return minimum, maximum, and (value - min) / (max - min) by problem id, over the defined uncertainties.

    When max == min every normalised value is 0 (docs/method.md#curriculum).
    """
    defined = {u.problem_id: u.value for u in uncertainties if u.value is not None}
    if not defined:
        return None, None, {}
    low, high = min(defined.values()), max(defined.values())
    span = high - low
    return low, high, {key: (value - low) / span if span > 0 else 0.0 for key, value in defined.items()}


def sift(uncertainties: Sequence[Uncertainty], why_not: Callable[[Uncertainty, float], str | None]) -> Selection:
    """Keep the problems, in the order given, for which ``why_not`` returns no reason; undefined ones are dropped.

    ``why_not`` takes a defined uncertainty and its normalised value.
    """
    low, high, normalised = normalise(uncertainties)
    reasons = {
        u.problem_id: f"undefined: {u.reason}" if u.value is None else why_not(u, normalised[u.problem_id])
        for u in uncertainties
    }
    return Selection(
        kept=tuple(problem for problem, reason in reasons.items() if reason is None),
        ranked=False,
        dropped={problem: reason for problem, reason in reasons.items() if reason is not None},
        minimum=low,
        maximum=high,
        normalised=normalised,
    )


def value_range(selection: Selection) -> str:
    """Describe the range of uncertainty, in one clause of the error message of an empty curriculum."""
    if selection.minimum is None or selection.maximum is None:
        return "no problem has a defined uncertainty"
    span = f"uncertainty of {len(selection.normalised)} problems runs from {selection.minimum:.4g}"
    return f"{span} to {selection.maximum:.4g}"


def what_would_keep(selection: Selection) -> str:
    """Describe the range and a tau that would keep a problem, for a curriculum that has a tau."""
    if not selection.normalised:
        return value_range(selection)
    span = value_range(selection)
    inside = sorted(value for value in selection.normalised.values() if 0 < value < 1)
    if not inside:
        return f"{span} with nothing in between: no tau keeps a problem"
    return f"{span}: tau above {inside[0]:.4g} keeps at least one"
