"""What can go wrong when weights are written."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Let what keeps safetensors from writing to ``path`` be the system's own error: there it is in the text only.

    Raises:
        OSError: with the number that the system gave.
    """
    try:
        yield
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        raise OSError(int(number[1]) if number else errno.EIO, f"cannot write {path}: {error}") from error
