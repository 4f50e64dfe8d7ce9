"""Read the rows of a data set of tested programs: unusable rows are counted, or stop a strict run."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from conself.datasets.evalplus import WrongFileError
from conself.datasets.files.rows import BadRow, Row
from conself.datasets.validation import Rejected

log = logging.getLogger(__name__)

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class RowReader:
    """Converts rows to problems.

    Args:
        source: the file or the hub's repository, as messages name it.
        strict: stop at the first row that cannot be used, instead of rejecting it.
    """

    source: str
    strict: bool

    def read(self, row: Row | BadRow, read: Callable[[Row], Item], number: int) -> Item | Rejected:
        """Convert a row by ``read``; ``number`` names a row without ``task_id``.

        KeyError, TypeError, ValueError, SyntaxError or RecursionError in ``read`` mean that the row is malformed.

        Raises:
            WrongFileError: the file belongs to another data set, according to ``read``; with the source.
            ValueError: the row cannot be used and ``strict`` is set.
        """
        if isinstance(row, BadRow):
            return self.reject(row.place, "malformed line", row.reason)
        name = str(row.get("task_id", f"row {number}"))
        try:
            return read(row)
        except KeyError as error:
            return self.reject(name, "a field is missing", f"no field {error}; there are: {', '.join(row)}")
        except WrongFileError as error:
            raise WrongFileError(f"{self.source}: {error}") from error
        except (TypeError, ValueError, SyntaxError, RecursionError) as error:
            return self.reject(name, "malformed record", str(error))

    def reject(self, name: str, reason: str, detail: str) -> Rejected:
        """Reject the named row for a reason by which it is counted; the log has the detail.

        Raises:
            ValueError: ``strict`` is set.
        """
        if self.strict:
            raise ValueError(f"{self.source}, {name}: {reason} ({detail}); strict=false skips it")
        log.debug("%s, %s: %s", self.source, name, detail)
        return Rejected(name, reason)


def text(row: Row, field: str) -> str:
    """Read a field that must hold text; raises KeyError, or TypeError naming it."""
    if not isinstance(row[field], str):
        raise TypeError(f"{field} must be text, not {type(row[field]).__name__}")
    return str(row[field])
