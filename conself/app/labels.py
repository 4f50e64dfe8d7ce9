"""Check that jobs whose parts use labels declare it: "without an oracle" means that no part was fitted on one."""

from pkgutil import resolve_name

from omegaconf import DictConfig

from conself.runtime.plain import to_plain
from conself.sandbox.jsonlines import Plain

POOLS = "pools"
"""The value of ``labels`` for jobs with a part that was fitted on verdicts of other pools."""


def check_labels(config: DictConfig) -> None:
    """Check that a job with parts that rank, weight or select by labels says ``labels: pools``.

    Raises:
        ValueError: it does not, with the first such part; or ``labels`` has another value.
    """
    declared = config.get("labels")
    if declared not in (None, POOLS):
        raise ValueError(f"labels must be {POOLS}, or null for parts that use none, got {declared!r}")
    key = _labelled(to_plain(config), "")
    if key is not None and declared is None:
        raise ValueError(
            f"{key} uses a confidence that was fitted on verdicts of other pools: with it a job is no longer one "
            f"without an oracle. Set labels={POOLS} to use it; results and tables then say so"
        )


def _labelled(node: Plain, where: str) -> str | None:
    """Return the dotted key of the first part that has ``labels``."""
    if isinstance(node, list):
        return next((key for i, item in enumerate(node) if (key := _labelled(item, f"{where}[{i}]"))), None)
    if not isinstance(node, dict):
        return None
    if "_target_" in node and _labels(str(node["_target_"])) == POOLS:
        return where
    inside = ((f"{where}.{name}" if where else str(name), item) for name, item in node.items())
    return next((key for name, item in inside if (key := _labelled(item, name))), None)


def _labels(target: str) -> str | None:
    """Return the ``labels`` of a target's class; None if it does not exist, which building it will report."""
    try:
        labels: str | None = getattr(resolve_name(target), "labels", None)
    except (ImportError, AttributeError, ValueError):
        return None
    return labels
