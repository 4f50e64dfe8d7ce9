"""The wording of a proposer's asks: templates, which are in conf/proposer/."""

from dataclasses import dataclass, fields
from string import Formatter

from conself.proposers.proposal import Exercise

_FIELDS = {
    "propose": ({"topic"}, {"material"}),
    "grounded": (set[str](), {"material"}),
    "exercise": ({"task", "signature"}, {"title", "example", "hint"}),
    "rate": ({"exercise"}, set[str]()),
    "skeleton": ({"exercise"}, {"name"}),
    "tests": ({"exercise", "kind"}, {"skeleton", "name", "n"}),
}
"""Of each template the fields that it needs, and those that it may use as well."""


@dataclass(frozen=True)
class ProposerTexts:
    """Templates for ``str.format``: ``propose``, ``rate``, ``skeleton`` and ``tests`` are the asks.

    ``grounded`` replaces {material} if there is any, else nothing does; ``exercise`` presents a proposal in later asks.

    Raises:
        ValueError: a template has a field that does not exist, or lacks one that it needs; names both.
    """

    propose: str
    grounded: str
    exercise: str
    rate: str
    skeleton: str
    tests: str

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            needed, further = _FIELDS[name]
            _check(f"proposer.texts.{name}", getattr(self, name), needed, needed | further)

    @property
    def takes_material(self) -> bool:
        """Whether the ask includes material."""
        return "{material}" in self.propose and "{material}" in self.grounded

    def proposing(self, topic: str, material: str | None) -> str:
        """Write the ask for a proposal."""
        grounded = "" if material is None else self.grounded.format(material=material)
        return self.propose.format(topic=topic, material=grounded)

    def shown(self, exercise: Exercise) -> str:
        """Format a proposal for the later asks."""
        return self.exercise.format(
            title=exercise.title,
            task=exercise.task,
            signature=exercise.signature,
            example=exercise.example,
            hint=exercise.hint,
        )


def _check(name: str, template: str, needed: set[str], allowed: set[str]) -> None:
    try:
        used = {field for _, field, _, _ in Formatter().parse(template) if field is not None}
        for field in sorted(used - allowed):
            choice = ", ".join(f"{{{each}}}" for each in sorted(allowed))
            raise ValueError(f"it has no field {{{field}}}; it may use {choice}")
        for field in sorted(needed - used):
            raise ValueError(f"it lacks {{{field}}}")
        template.format(**dict.fromkeys(allowed, ""))
    except (ValueError, LookupError) as error:
        raise ValueError(f"{name} cannot be filled: {error}; write {{{{ and }}}} for braces") from None
