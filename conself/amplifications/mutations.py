"""Mutations of a problem's original inputs, kept if the candidates' agreement suggests that they are valid."""

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
"""Draws per input of the budget, after which a problem gets the inputs drawn so far."""
_MOST_BYTES = 4096
"""Python refuses to write ints of more than 4,300 digits."""

Write = Callable[[Arguments], str]


@dataclass(frozen=True)
class Mutations:
    """Type-aware mutations that keep the invariants of a problem's inputs (:mod:`conself.amplifications.invariants`).

    Args:
        seed: of the draw, together with the problem's id.
        budget: the most new inputs tried on a problem.
        changes: the most changes of one new input.
        max_bytes: of an input's text (UTF-8); longer original inputs are neither changed nor used for invariants.
        keep: ``valid``: all on which the candidates' behaviours do not crash; ``splitting``: of these, in order, those
            that distinguish candidates which agreed on everything so far.
        crash_share: an input is valid if less than this share of the distinct behaviours crashes on it.

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
        """Propose at most ``budget`` new inputs, all different; none if no original input can be read and changed."""
        own = {place: text for place, text in enumerate(problem.inputs) if self._fits(text)}
        read, write = _form(problem.entry_point is None, list(own.values()))
        parsed = {place: read(text) for place, text in own.items()} if read else {}
        texts = set(problem.inputs) | {text for each in parsed.values() if (text := _text(each, write)) is not None}
        rng, new_inputs = Random(f"{self.seed}\0{problem.id}"), []
        mutants = self._drawn(parsed, rng) if parsed else iter(())
        for parent, new, operators in mutants:
            text = _text(new, write)
            if text is not None and text not in texts and self._fits(text):
                texts.add(text)
                new_inputs.append(NewInput(text, parent, operators))
                if len(new_inputs) == self.budget:
                    break
        return new_inputs

    def admit(self, agreement: Agreement, tried: Keys) -> list[str | None]:
        """Admit inputs, as in :class:`conself.amplifications.amplification.Amplification`.

        If all candidates behave the same on every input, original and valid, nothing is kept: the pool stays unchanged.
        """
        reasons = valid(agreement, tried, self.crash_share)
        return unsplit(agreement, tried, reasons, only_splitting=self.keep == "splitting")

    def _fits(self, text: str) -> bool:
        return len(text.encode("utf-8", "surrogatepass")) <= self.max_bytes

    def _drawn(self, own: dict[int, Arguments], rng: Random) -> Iterator[tuple[int, Arguments, tuple[str, ...]]]:
        """Yield parent, arguments and operators of the changed inputs that satisfy the invariants."""
        groups = {arity: [a for a in own.values() if len(a) == arity] for arity in {len(a) for a in own.values()}}
        shown = {arity: (group, gathered(group), Shown.by(group)) for arity, group in groups.items() if arity}
        for _ in range(_TRIES * self.budget):
            parent = rng.choice(list(own))
            new, operators = own[parent], []
            if not new:
                continue
            group, observed, invariants = shown[len(new)]
            for _ in range(rng.randint(1, self.changes)):
                step = changed(new, group, observed, rng)
                if step is None:
                    break
                new, name = invariants.repaired(step[0]), step[1]
                operators.append(name)
            if operators and invariants.holds(new):
                yield parent, new, tuple(operators)


def _form(is_stdin: bool, texts: Sequence[str]) -> tuple[Callable[[str], Arguments] | None, Write]:
    """Return functions that read inputs as arguments (None if impossible) and write arguments."""
    if not is_stdin:
        return read_call, written
    layout = layout_of(texts)
    return (None, written) if layout is None else (layout.read, layout.write)


def _text(new: Arguments, write: Write) -> str | None:
    """Write the text of a new input; None for a call without a literal (infinities)."""
    text = write(new)
    if write is written:
        try:
            read_call(text)
        except ValueError:
            return None
    return text
