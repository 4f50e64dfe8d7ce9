"""Create or check the places of results before the work."""

import os
from pathlib import Path


def check_folder(path: Path, key: str) -> None:
    """Check that a folder can be created and written to, without creating it; ``key`` is the option that names it.

    Raises:
        OSError: names the key, the obstacle and the remedy.
    """
    folder = path.expanduser().absolute()
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    if not existing.is_dir():
        raise NotADirectoryError(
            f"{key}={path}: {existing} is a file; name a folder, which is created if it does not exist"
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        raise PermissionError(f"{key}={path}: {existing} can't be written into; name another folder")


def make_folder(path: Path, key: str) -> Path:
    """Create the folder ``path`` if it does not exist; ``key`` is the option that names it, such as ``--out``.

    Raises:
        OSError: it can't be made or written into; names the key, the obstacle and the remedy.
    """
    check_folder(path, key)
    folder = path.expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(f"{key}={path} can't be a folder ({error.strerror}): name another one") from None
    return folder


def check_file(path: Path, key: str) -> Path:
    """Check that the file ``path`` can be written, creating its folder if necessary; ``key`` as above.

    Raises:
        OSError: it is a folder or can't be written, or its folder can't be made; names the key and the remedy.
    """
    file = path.expanduser()
    make_folder(file.parent, key)
    if file.is_dir():
        raise IsADirectoryError(f"{key}={path} is a folder: name a file")
    if file.exists() and not os.access(file, os.W_OK):
        raise PermissionError(f"{key}={path} can't be written: name another file")
    return file
