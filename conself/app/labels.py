"""Check that jobs whose parts use labels declare it: "without an oracle" means that no part was fitted on one."""

from collections.abc import Iterator, Mapping
from pkgutil import resolve_name

from omegaconf import DictConfig

from conself.runtime.plain import to_plain
from conself.sandbox.jsonlines import Plain

POOLS, CALIBRATION, ALL = "pools", "calibration", "all"
"""The labels that a part uses, as its class says in ``labels``: verdicts on other pools, on a few problems, or on all
problems of the training."""
SAID = {
    POOLS: "parts of this job may go by verdicts on other pools",
    ALL: "parts of this job may go by what is right of the problems that it trains on",
}
"""A job's ``labels``, in words; a number is that of problems."""
_USES: Mapping[str, tuple[str, str]] = {
    POOLS: ("a confidence that was fitted on verdicts of other pools", POOLS),
    CALIBRATION: ("verdicts on a few problems", "10, or as many as there are to be"),
    ALL: ("verdicts on the problems of the training", ALL),
}


def check_labels(config: DictConfig) -> None:
    """Check that a job with parts that use labels declares them: pools, all, or a number of problems.

    Raises:
        ValueError: it does not, with the first such part; ``labels`` has another value; or the parts use other numbers
            of labelled problems than it.
    """
    declared = config.get("labels")
    if declared not in (None, POOLS, ALL) and not is_number(declared):
        raise ValueError(
            f"labels must be {POOLS}, {ALL}, a number of problems, or null for parts that use none, got {declared!r}"
        )
    plain = to_plain(config)
    for kind, (what, word) in _USES.items():
        key = next((key for key, _ in _labelled(plain, "", kind)), None)
        if key is not None and not (is_number(declared) if kind == CALIBRATION else declared == kind):
            raise ValueError(
                f"{key} uses {what}: with it a job is no longer one without an oracle. Set labels={word} to use it; "
                "results and tables then say so"
            )
    _check_sum(
        {key: node["problems"] for key, node in _labelled(plain, "", CALIBRATION) if "problems" in node}, declared
    )


def _check_sum(used: Mapping[str, Plain], declared: Plain) -> None:
    """Check that the numbers of labelled problems, by key, add up to those declared; each part has its own."""
    if used and sum(n for n in used.values() if isinstance(n, int)) != declared:
        parts = " and ".join(f"{key}.problems={n}" for key, n in used.items())
        raise ValueError(
            f"labels={declared} must be the number of labelled problems of all parts together, which are {parts}: set "
            "labels to their sum, and each part's number"
        )


def words_of(declared: Plain) -> str:
    """Describe the labels of a job with this value of ``labels``."""
    return SAID.get(str(declared), f"parts of this job go by what is right of {declared} problems")


def is_number(declared: Plain) -> bool:
    """Whether ``labels`` is a number of problems."""
    return type(declared) is int and declared > 0


def _labelled(node: Plain, where: str, kind: str) -> Iterator[tuple[str, Mapping[str, Plain]]]:
    """Yield dotted key and settings of each part that uses labels of a kind."""
    if isinstance(node, list):
        for i, item in enumerate(node):
            yield from _labelled(item, f"{where}[{i}]", kind)
    elif isinstance(node, dict):
        if "_target_" in node and _labels(str(node["_target_"])) == kind:
            yield where, node
            return
        for name, item in node.items():
            yield from _labelled(item, f"{where}.{name}" if where else str(name), kind)


def _labels(target: str) -> str | None:
    """Return the ``labels`` of a target's class; None if it does not exist, which building it will report."""
    try:
        labels: str | None = getattr(resolve_name(target), "labels", None)
    except (ImportError, AttributeError, ValueError):
        return None
    return labels
