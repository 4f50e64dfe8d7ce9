"""Rules by which programs that output nothing, or always the same, count as crashed.

On one real pool (CodeGen-16B on HumanEval) more than a quarter of all outputs were None: functions without a return
agree with one another, which looks like a consensus. The paper counts None as an output like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from conself.agreement.traces import Keys

_SILENT = {True: '""', False: "null"}  # comparison keys: standard output is empty, the call returns None


@dataclass(frozen=True)
class Behaviour:
    """Treat trivial candidates as crashed on all inputs; with neither rule on, as in the paper.

    Args:
        silent_crashes: whether this applies to a candidate that on every input crashes, returns None or prints nothing.
        constant_crashes_from: the number of inputs from which it also applies to a candidate with the same output on
            every input on which it doesn't crash; None for never. It is applied after ``silent_crashes``.

    Raises:
        ValueError: ``constant_crashes_from`` is below 2: on one input everything is constant.
    """

    silent_crashes: bool
    constant_crashes_from: int | None

    def __post_init__(self) -> None:
        if self.constant_crashes_from is not None and self.constant_crashes_from < 2:
            raise ValueError(
                f"behaviour.constant_crashes_from must be at least 2, or null for never, got "
                f"{self.constant_crashes_from}: on one input every program is constant"
            )

    def __call__(self, keys: Keys, is_stdin: bool) -> list[tuple[str | None, ...]]:
        """Replace the rows of such candidates by crashes, in K rows of M comparison keys (None = CRASH)."""
        return [(None,) * len(row) if self._crashes(row, _SILENT[is_stdin]) else tuple(row) for row in keys]

    def _crashes(self, row: Sequence[str | None], silence: str) -> bool:
        outputs = [cell for cell in row if cell is not None]
        if self.silent_crashes and all(cell == silence for cell in outputs):
            return True
        least = self.constant_crashes_from
        return least is not None and len(row) >= least and len(set(outputs)) == 1
