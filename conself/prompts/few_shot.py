"""Prompts for base models: a text with exemplars that the answer continues. The texts are in ``conf/prompts/``."""

from dataclasses import dataclass, field

from conself.prompts.prompts import PLAIN, Message, Texts, by_kind, check_kinds, fields
from conself.records import Problem


@dataclass(frozen=True)
class Exemplar:
    """A problem with model answers: observations, and a right program.

    Raises:
        ValueError: there is no observation.
    """

    statement: str
    starter_code: str
    entry_point: str | None
    observations: list[str]
    program: str

    def __post_init__(self) -> None:
        if not self.observations:
            raise ValueError(f"the exemplar {self.statement[:40]!r} in prompts needs an observation")


@dataclass(frozen=True)
class Shots(Texts):
    """Templates that an answer continues, and the exemplars that are put before them in the same form."""

    exemplars: list[Exemplar] = field(kw_only=True)


@dataclass(frozen=True)
class FewShot:
    """Exemplars, then the problem, as one text without chat template.

    ``heading`` begins each exemplar and the problem, and an answer ends where the model writes it again. In exemplars
    programs are in Python code blocks, observations in numbered lists. The templates have the fields of
    :class:`conself.prompts.prompts.PromptsByKind`.

    Raises:
        ValueError: a template has a field that does not exist, or lacks one that it needs; ``heading`` is empty; or an
            exemplar is of the other kind.
    """

    heading: str
    starter: str
    function: Shots
    stdin: Shots

    def __post_init__(self) -> None:
        if not self.heading.strip():
            raise ValueError("prompts.heading must not be empty: it ends an answer")
        check_kinds(self.starter, self.function, self.stdin)
        if any(shown.entry_point is None for shown in self.function.exemplars):
            raise ValueError("an exemplar of prompts.function has no entry_point; put it below prompts.stdin")
        if any(shown.entry_point is not None for shown in self.stdin.exemplars):
            raise ValueError("an exemplar of prompts.stdin has an entry_point; put it below prompts.function")

    @property
    def stop(self) -> tuple[str, ...]:
        """Return the beginning of a next exemplar."""
        return (f"\n{self.heading}\n",)

    def wording(self, problem: Problem) -> tuple[Texts, dict[str, str]]:
        """Return the templates of the problem's kind after their exemplars, and the problem's texts."""
        name = problem.entry_point
        shots = by_kind(name, self.function, self.stdin)
        templates: list[str] = ["", "", ""]
        for shown in shots.exemplars:
            for place, text in enumerate(self._answered(shots, shown)):
                templates[place] += _literal(f"{self.heading}\n{text}\n\n")
        start = _literal(f"{self.heading}\n")
        observe, program, guided = (
            before + start + template
            for before, template in zip(templates, (shots.observe, shots.program, shots.guided), strict=True)
        )
        texts = Texts(observe, program, guided, shots.opening)
        return texts, fields(problem.statement, problem.starter_code, name, self.starter)

    def _answered(self, shots: Shots, shown: Exemplar) -> tuple[str, str, str]:
        """Format an exemplar with its answers in each template."""
        field_values = fields(shown.statement, shown.starter_code, shown.entry_point, self.starter)
        listed = "\n".join(f"{place}. {text}" for place, text in enumerate(shown.observations, 1))
        code = f"```python\n{shown.program.strip()}\n```"
        return (
            shots.observe.format(n=len(shown.observations), **field_values) + listed,
            shots.program.format(**field_values) + code,
            shots.guided.format(observation=shown.observations[0], **field_values) + code,
        )

    def turns(self, text: str) -> list[Message]:
        """Return the text, for a plain continuation."""
        return [{"role": PLAIN, "content": text}]


def _literal(text: str) -> str:
    """Escape a text for ``str.format``."""
    return text.replace("{", "{{").replace("}", "}}")
