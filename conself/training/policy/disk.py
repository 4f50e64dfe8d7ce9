"""Translate errors when writing weights."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Re-raise safetensors' errors on writing to ``path`` as system errors, which it reports only in its text.

    Raises:
        OSError: with the system's error number.
    """
    try:
        yield
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        raise OSError(int(number[1]) if number else errno.EIO, f"cannot write {path}: {error}") from error
