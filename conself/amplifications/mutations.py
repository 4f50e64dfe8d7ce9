"""Mutations of a problem's own inputs, kept where the candidates' agreement says that they are inputs at all."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from conself.agreement.traces import Agreement, Keys
from conself.amplifications.admission import KEEP, unsplit, valid
from conself.amplifications.amplification import NewInput
from conself.amplifications.changes import changed
from conself.amplifications.invariants import Shown
from conself.amplifications.paths import Arguments, gathered, written
from conself.amplifications.texts import layout_of
from conself.records import Problem
from conself.sandbox.jobs import arguments as read_call

_TRIES = 20
"""Draws for each input of the budget, before a problem is left with what was drawn."""
_MOST_BYTES = 4096
"""Python refuses to write ints of more than 4,300 digits."""

Write = Callable[[Arguments], str]


@dataclass(frozen=True)
class Mutations:
    """Type-aware mutations that keep what a problem's own inputs show (:mod:`conself.amplifications.invariants`).

    Args:
        seed: of the draw; that of a problem depends on its id as well.
        budget: new inputs that are tried on a problem at most.
        changes: changes that one new input may have at most.
        max_bytes: of an input's text (UTF-8); own inputs that are longer are not changed, and show nothing.
        keep: ``valid``: all on which the candidates' behaviours do not crash; ``splitting``: of these, in their order,
            those that tell candidates apart which agreed on everything so far.
        crash_share: an input is valid where less than this share of the distinct behaviours crashes on it.

    Raises:
        ValueError: a setting is out of its range.
    """

    seed: int
    budget: int
    changes: int
    max_bytes: int
    keep: str
    crash_share: float

    def __post_init__(self) -> None:
        if self.budget < 1 or self.changes < 1:
            raise ValueError(
                f"amplification.budget and changes must be at least 1, got {self.budget} and {self.changes}; "
                "amplification=none leaves a problem with its own inputs"
            )
        if not 1 <= self.max_bytes <= _MOST_BYTES:
            raise ValueError(f"amplification.max_bytes must lie in 1..{_MOST_BYTES}, got {self.max_bytes}")
        if not 0 < self.crash_share <= 1:
            raise ValueError(
                f"amplification.crash_share must lie above 0 and be at most 1, got {self.crash_share}: an input on "
                "which every behaviour crashes is never kept"
            )
        if self.keep not in KEEP:
            raise ValueError(f"amplification.keep must be {' or '.join(KEEP)}, got {self.keep!r}")

    def propose(self, problem: Problem) -> list[NewInput]:
        """At most ``budget`` new inputs, all different; none where no own input can be read and changed."""
        own = {place: text for place, text in enumerate(problem.inputs) if self._fits(text)}
        read, write = _form(problem.entry_point is None, list(own.values()))
        parsed = {place: read(text) for place, text in own.items()} if read else {}
        seen = set(problem.inputs) | {text for each in parsed.values() if (text := _text(each, write)) is not None}
        rng, found = Random(f"{self.seed}\0{problem.id}"), []
        drawn = self._drawn(parsed, rng) if parsed else iter(())
        for parent, new, operators in drawn:
            text = _text(new, write)
            if text is not None and text not in seen and self._fits(text):
                seen.add(text)
                found.append(NewInput(text, parent, operators))
                if len(found) == self.budget:
                    break
        return found

    def admit(self, agreement: Agreement, tried: Keys) -> list[str | None]:
        """As :class:`conself.amplifications.amplification.Amplification` has it.

        Where all candidates do the same on every input, own and valid, nothing is kept: such a pool stays as it is.
        """
        reasons = valid(agreement, tried, self.crash_share)
        return unsplit(agreement, tried, reasons, only_splitting=self.keep == "splitting")

    def _fits(self, text: str) -> bool:
        return len(text.encode("utf-8", "surrogatepass")) <= self.max_bytes

    def _drawn(self, own: dict[int, Arguments], rng: Random) -> Iterator[tuple[int, Arguments, tuple[str, ...]]]:
        """Parent, arguments and operators of the changed inputs that show what the own ones show."""
        groups = {arity: [a for a in own.values() if len(a) == arity] for arity in {len(a) for a in own.values()}}
        shown = {arity: (group, gathered(group), Shown.by(group)) for arity, group in groups.items() if arity}
        for _ in range(_TRIES * self.budget):
            parent = rng.choice(list(own))
            new, operators = own[parent], []
            if not new:
                continue
            group, seen, invariants = shown[len(new)]
            for _ in range(rng.randint(1, self.changes)):
                step = changed(new, group, seen, rng)
                if step is None:
                    break
                new, name = invariants.repaired(step[0]), step[1]
                operators.append(name)
            if operators and invariants.holds(new):
                yield parent, new, tuple(operators)


def _form(is_stdin: bool, texts: Sequence[str]) -> tuple[Callable[[str], Arguments] | None, Write]:
    """How inputs are read as arguments, None where they cannot be, and how arguments are written."""
    if not is_stdin:
        return read_call, written
    layout = layout_of(texts)
    return (None, written) if layout is None else (layout.read, layout.write)


def _text(new: Arguments, write: Write) -> str | None:
    """The text of a new input; None of a call that no literal stands for (infinities)."""
    text = write(new)
    if write is written:
        try:
            read_call(text)
        except ValueError:
            return None
    return text
