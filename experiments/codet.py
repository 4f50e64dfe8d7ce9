"""CodeT's files of samples: JSON lines, and where a completion ends."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

Row = dict[str, Any]

_END = re.compile(r"\n(?:class|def|#|if|print)")


def lines(path: Path) -> list[Row]:
    """The rows of a file of JSON lines, gzipped or not."""
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in text.splitlines()]


def cut(text: str) -> str:
    """A completion up to where CodeT ends it: at the first statement of another definition, comment, if or print."""
    return _END.split(text, maxsplit=1)[0]
