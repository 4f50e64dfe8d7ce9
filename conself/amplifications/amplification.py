"""What an amplification is, and what it gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from conself.agreement.traces import Agreement, Keys
from conself.records import Problem


@dataclass(frozen=True, slots=True)
class NewInput:
    """An input made from one of a problem's own: its text as in ``Problem.inputs``, and where it comes from.

    ``parent`` is the index of the own input that was changed, ``operators`` names the changes, in their order.
    """

    text: str
    parent: int
    operators: tuple[str, ...]


class Amplification(Protocol):
    """Proposes further inputs of a problem, and admits those that are worth keeping once programs have run on them."""

    def propose(self, problem: Problem) -> Sequence[NewInput]:
        """New inputs, none of them one of the problem's own; the same whenever it is asked."""
        ...

    def admit(self, agreement: Agreement, tried: Keys) -> Sequence[str | None]:
        """For each of N new inputs why it is left out, in one of few fixed texts; None for an input that is kept.

        Args:
            agreement: of K candidates on the problem's own inputs.
            tried: K x N comparison keys of the candidates on the new inputs, None = CRASH.
        """
        ...
