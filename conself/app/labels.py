"""Check that jobs whose parts use labels declare it: "without an oracle" means that no part was fitted on one."""

from collections.abc import Mapping
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
        ValueError: it does not, with the first such part; or ``labels`` has another value.
    """
    declared = config.get("labels")
    if declared not in (None, POOLS, ALL) and not is_number(declared):
        raise ValueError(
            f"labels must be {POOLS}, {ALL}, a number of problems, or null for parts that use none, got {declared!r}"
        )
    for kind, (what, word) in _USES.items():
        key = _labelled(to_plain(config), "", kind)
        if key is not None and not (is_number(declared) if kind == CALIBRATION else declared == kind):
            raise ValueError(
                f"{key} uses {what}: with it a job is no longer one without an oracle. Set labels={word} to use it; "
                "results and tables then say so"
            )


def words_of(declared: Plain) -> str:
    """Describe the labels of a job with this value of ``labels``."""
    return SAID.get(str(declared), f"parts of this job go by what is right of {declared} problems")


def is_number(declared: Plain) -> bool:
    """Whether ``labels`` is a number of problems."""
    return type(declared) is int and declared > 0


def _labelled(node: Plain, where: str, kind: str) -> str | None:
    """Return the dotted key of the first part that uses labels of a kind."""
    if isinstance(node, list):
        return next((key for i, item in enumerate(node) if (key := _labelled(item, f"{where}[{i}]", kind))), None)
    if not isinstance(node, dict):
        return None
    if "_target_" in node and _labels(str(node["_target_"])) == kind:
        return where
    inside = ((f"{where}.{name}" if where else str(name), item) for name, item in node.items())
    return next((key for name, item in inside if (key := _labelled(item, name, kind))), None)


def _labels(target: str) -> str | None:
    """Return the ``labels`` of a target's class; None if it does not exist, which building it will report."""
    try:
        labels: str | None = getattr(resolve_name(target), "labels", None)
    except (ImportError, AttributeError, ValueError):
        return None
    return labels
