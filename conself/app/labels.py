"""Parts that use labels, and jobs that have to say so: without an oracle means that no part has seen one."""

from pkgutil import resolve_name

from omegaconf import DictConfig

from conself.runtime.plain import to_plain
from conself.sandbox.jsonlines import Plain

POOLS = "pools"
"""What ``labels`` says: some part goes by verdicts on other pools."""


def check_labels(config: DictConfig) -> None:
    """Refuse parts that rank, weigh or select by labels, where the job does not say ``labels: pools``.

    Raises:
        ValueError: as said, and names the first such part; or ``labels`` is another word.
    """
    said = config.get("labels")
    if said not in (None, POOLS):
        raise ValueError(f"labels must be {POOLS}, or null for parts that use none, got {said!r}")
    found = _labelled(to_plain(config), "")
    if found is not None and said is None:
        raise ValueError(
            f"{found} goes by a confidence that was fitted on verdicts of other pools: with it a job is no longer one "
            f"without an oracle. Set labels={POOLS} to use it; results and tables then say so"
        )


def _labelled(node: Plain, where: str) -> str | None:
    """The dotted key of the first part that has ``labels``."""
    if isinstance(node, list):
        return next((key for i, item in enumerate(node) if (key := _labelled(item, f"{where}[{i}]"))), None)
    if not isinstance(node, dict):
        return None
    if "_target_" in node and _labels(str(node["_target_"])) == POOLS:
        return where
    inside = ((f"{where}.{name}" if where else str(name), item) for name, item in node.items())
    return next((key for name, item in inside if (key := _labelled(item, name))), None)


def _labels(target: str) -> str | None:
    """The labels that what a target names goes by; None where it cannot be found, which whoever builds it says."""
    try:
        labels: str | None = getattr(resolve_name(target), "labels", None)
    except (ImportError, AttributeError, ValueError):
        return None
    return labels
