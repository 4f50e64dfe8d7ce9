"""The passing matrix: which candidate passes which generated test, for rankings by tests."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PassingMatrix:
    """The outcome of each of K candidates on each of M tests of one problem.

    A test is an input with a claimed output, or several of these, all of which must hold. Claims are
    generated, so a test may be wrong: this is evidence, not an oracle. Equal tests keep their multiplicity, as equal
    candidates do.

    Args:
        cells: K x M: True if the candidate gives the claimed output, False if it gives another one, None if it doesn't
            finish. Rows are in candidate order, columns in the order of the tests.

    Raises:
        ValueError: rows have different lengths.
    """

    cells: tuple[tuple[bool | None, ...], ...]

    def __post_init__(self) -> None:
        lengths = sorted({len(row) for row in self.cells})
        if len(lengths) > 1:
            raise ValueError(f"a passing matrix needs as many tests for each candidate, got rows of {lengths} tests")

    @property
    def n_tests(self) -> int:
        """M; 0 without candidates."""
        return len(self.cells[0]) if self.cells else 0

    @property
    def passed(self) -> tuple[tuple[bool, ...], ...]:
        """K x M: whether the candidate passes; one that doesn't finish does not."""
        return tuple(tuple(cell is True for cell in row) for row in self.cells)
