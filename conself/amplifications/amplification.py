"""The contract of an amplification, and its result."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from conself.agreement.traces import Agreement, Keys
from conself.records import Problem


@dataclass(frozen=True, slots=True)
class NewInput:
    """An input made from one of a problem's original inputs: its text as in ``Problem.inputs``, and its origin.

    ``parent`` is the index of the original input that was changed, ``operators`` names the changes, in order.
    """

    text: str
    parent: int
    operators: tuple[str, ...]


class Amplification(Protocol):
    """Proposes further inputs of a problem, and selects those to keep after programs have run on them."""

    def propose(self, problem: Problem) -> Sequence[NewInput]:
        """Return new inputs, different from the problem's own; the same in every call."""
        ...

    def admit(self, agreement: Agreement, tried: Keys) -> Sequence[str | None]:
        """Return, for each of N new inputs, why it is dropped, as one of a few fixed texts; None if it is kept.

        Args:
            agreement: of K candidates on the original inputs.
            tried: K x N comparison keys of the candidates on the new inputs, None = CRASH.
        """
        ...
