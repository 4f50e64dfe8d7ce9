"""Parts that use labels, and jobs that have to say so: without an oracle means that no part has seen one."""

from collections.abc import Mapping
from pkgutil import resolve_name

from omegaconf import DictConfig

from conself.runtime.plain import to_plain
from conself.sandbox.jsonlines import Plain

POOLS, CALIBRATION, ALL = "pools", "calibration", "all"
"""What a part goes by, as its class says in ``labels``: verdicts on other pools, or what is right of a few problems, or
of all that are trained on."""
SAID = {
    POOLS: "parts of this job may go by verdicts on other pools",
    ALL: "parts of this job may go by what is right of the problems that it trains on",
}
"""What a job says with ``labels``, in words; a number is that of problems."""
_USES: Mapping[str, tuple[str, str]] = {
    POOLS: ("a confidence that was fitted on verdicts of other pools", POOLS),
    CALIBRATION: ("what is right of a few problems", "10, or as many as there are to be"),
    ALL: ("what is right of the problems that are trained on", ALL),
}


def check_labels(config: DictConfig) -> None:
    """Refuse parts that go by labels where the job does not say that it uses these: pools, all, or a number.

    Raises:
        ValueError: as said, and names the first such part; or ``labels`` is another word.
    """
    said = config.get("labels")
    if said not in (None, POOLS, ALL) and not is_number(said):
        raise ValueError(
            f"labels must be {POOLS}, {ALL}, a number of problems, or null for parts that use none, got {said!r}"
        )
    for kind, (what, word) in _USES.items():
        found = _labelled(to_plain(config), "", kind)
        if found is not None and not (is_number(said) if kind == CALIBRATION else said == kind):
            raise ValueError(
                f"{found} goes by {what}: with it a job is no longer one without an oracle. Set labels={word} to use "
                "it; results and tables then say so"
            )


def words_of(said: Plain) -> str:
    """What a job that says so uses, in words."""
    return SAID.get(str(said), f"parts of this job go by what is right of {said} problems")


def is_number(said: Plain) -> bool:
    """Whether ``labels`` is a number of problems."""
    return type(said) is int and said > 0


def _labelled(node: Plain, where: str, kind: str) -> str | None:
    """The dotted key of the first part that has ``labels`` of a kind."""
    if isinstance(node, list):
        return next((key for i, item in enumerate(node) if (key := _labelled(item, f"{where}[{i}]", kind))), None)
    if not isinstance(node, dict):
        return None
    if "_target_" in node and _labels(str(node["_target_"])) == kind:
        return where
    inside = ((f"{where}.{name}" if where else str(name), item) for name, item in node.items())
    return next((key for name, item in inside if (key := _labelled(item, name, kind))), None)


def _labels(target: str) -> str | None:
    """The labels that what a target names goes by; None where it cannot be found, which whoever builds it says."""
    try:
        labels: str | None = getattr(resolve_name(target), "labels", None)
    except (ImportError, AttributeError, ValueError):
        return None
    return labels
