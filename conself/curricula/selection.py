"""What a curriculum answers, and the min-max normalisation that curricula share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from conself.records import Uncertainty


@dataclass(frozen=True)
class Selection:
    """The problems that a curriculum keeps and those it drops.

    Attributes:
        kept: problem ids.
        ranked: whether ``kept`` stands in the order in which problems are taken when there may be only so many pairs;
            if not, it stands in the order given, and problems are drawn.
        dropped: problem id -> reason, one of few fixed texts so that reasons can be counted.
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
    """Which problems are trained on, by how uncertain the model is about each."""

    def __call__(self, uncertainties: Sequence[Uncertainty]) -> Selection:
        """The problems that stay, and why each other leaves; each is in one of the two."""
        ...


def normalise(uncertainties: Sequence[Uncertainty]) -> tuple[float | None, float | None, dict[str, float]]:
    """Minimum, maximum, and per problem id (value - min) / (max - min), over the defined uncertainties.

    When max == min every normalised value is 0 (docs/method.md#curriculum).
    """
    defined = {u.problem_id: u.value for u in uncertainties if u.value is not None}
    if not defined:
        return None, None, {}
    low, high = min(defined.values()), max(defined.values())
    span = high - low
    return low, high, {key: (value - low) / span if span > 0 else 0.0 for key, value in defined.items()}


def sift(uncertainties: Sequence[Uncertainty], why_not: Callable[[Uncertainty, float], str | None]) -> Selection:
    """The problems, in the order given, for which ``why_not`` gives no reason; undefined ones are left out.

    ``why_not`` is given a defined uncertainty and its normalised value.
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
    """One clause for the error of an empty curriculum: the range of uncertainty."""
    if selection.minimum is None or selection.maximum is None:
        return "no problem has a defined uncertainty"
    span = f"uncertainty of {len(selection.normalised)} problems runs from {selection.minimum:.4g}"
    return f"{span} to {selection.maximum:.4g}"


def what_would_keep(selection: Selection) -> str:
    """The same for a curriculum that has a tau, with the tau that keeps something."""
    if not selection.normalised:
        return value_range(selection)
    span = value_range(selection)
    inside = sorted(value for value in selection.normalised.values() if 0 < value < 1)
    if not inside:
        return f"{span} with nothing in between: no tau keeps a problem"
    return f"{span}: tau above {inside[0]:.4g} keeps at least one"
