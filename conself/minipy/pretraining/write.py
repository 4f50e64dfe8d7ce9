"""Create a folder atomically."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def new_folder(target: Path, overwrite: bool) -> Iterator[Path]:
    """Yield an empty folder beside ``target`` that replaces it when the block succeeds.

    A block that fails leaves nothing, and keeps a former ``target`` unchanged.

    Raises:
        FileExistsError: ``target`` exists and ``overwrite`` is false (before the block is entered).
    """
    if target.exists() and not overwrite:
        raise FileExistsError(f"{str(target)!r} exists; choose another out=FOLDER, or overwrite=true to replace it")
    target.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        folder = work / "new"
        folder.mkdir()
        yield folder
        if target.exists():
            target.rename(work / "old")
        folder.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
