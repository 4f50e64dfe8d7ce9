"""Choose the new inputs to keep by the candidates' behaviour, without an oracle.

A wrong program may run on an invalid input, and a right one crash on it: an input is judged valid if most behaviours
accept it.
"""

from collections.abc import Sequence

from conself.agreement.traces import Agreement, Keys

KEEP = ("valid", "splitting")
CRASHES, SPLITS_NOTHING, ALL_AGREE = (
    "most behaviours crash",
    "it splits no group of candidates that agree",
    "all candidates agree on everything",
)
"""Why an input is left out."""


def valid(agreement: Agreement, tried: Keys, crash_share: float) -> list[str | None]:
    """Return, for each of N new inputs, None or the reason that ``crash_share`` or more of the behaviours crash on it.

    Behaviours are the clusters on the original inputs, so fifteen copies of one program are one witness; each is
    weighted by the share of its candidates that crash. Candidates that crash on all original inputs are no behaviour,
    and without any behaviour no input is valid.
    """
    n = len(tried[0]) if tried else 0
    reasons: list[str | None] = []
    for place in range(n):
        shares = [sum(tried[k][place] is None for k in cluster) / len(cluster) for cluster in agreement.clusters]
        crashing = sum(shares) / len(shares) if shares else 1.0
        reasons.append(CRASHES if crashing >= crash_share else None)
    return reasons


def unsplit(agreement: Agreement, tried: Keys, reasons: Sequence[str | None], only_splitting: bool) -> list[str | None]:
    """Add a reason for each valid input that distinguishes no candidates.

    With ``only_splitting`` that is an input that splits no group of candidates which agreed on the original inputs and
    on those kept before. Otherwise it is every input if all candidates agree on all inputs, else none.
    """
    groups = [*agreement.clusters, tuple(k for k, crashed in enumerate(agreement.crashed) if crashed)]
    groups = [group for group in groups if group]
    updated = list(reasons)
    for place, reason in enumerate(reasons):
        if reason is not None:
            continue
        finer = [part for group in groups for part in _parts(group, tried, place)]
        if len(finer) == len(groups) and only_splitting:
            updated[place] = SPLITS_NOTHING
        groups = finer
    if len(groups) == 1 and not only_splitting:
        updated = [ALL_AGREE if reason is None else reason for reason in updated]
    return updated


def _parts(group: Sequence[int], tried: Keys, place: int) -> list[tuple[int, ...]]:
    """Split a group by its candidates' behaviour on one input."""
    parts: dict[str | None, list[int]] = {}
    for k in group:
        parts.setdefault(tried[k][place], []).append(k)
    return [tuple(part) for part in parts.values()]
