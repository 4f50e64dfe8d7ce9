"""A content-addressed store of stage results: key, lock, shards, manifest last, atomic rename.

``<root>/<stage>/<key>/`` holds finished artifacts only. Work in progress lies in ``<root>/<stage>/.<key>.partial/``,
where a shard is a whole file or absent, so that a killed stage resumes after the shards it finished.
"""

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

from conself.executors.tally import SUFFIX
from conself.runtime.locks import Owner, locked
from conself.runtime.versions import versions
from conself.sandbox.jsonlines import Json, Plain

MANIFEST = "manifest.json"
_NEWEST = 20
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StorageFullError(OSError):
    """The artifact store could not be written for lack of space; finished shards are kept."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A kind of result: its name, also the name of its folder in the store, and its version, part of every key.

    The version is raised when the stage's code gives other results for the same settings.
    """

    name: str
    version: int


class Manifest(TypedDict):
    """The record of how an artifact was made; ``summary`` is what its stage returned."""

    stage: str
    version: int
    key: str
    config: Json
    inputs: dict[str, str]
    summary: dict[str, Json]
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A finished artifact: its stage's name, its key (64 hex digits), its folder, and whether it was reused."""

    stage: str
    key: str
    path: Path
    reused: bool

    def manifest(self) -> Manifest:
        """Read the manifest: config, input keys, summary, library versions, ..."""
        manifest: Manifest = json.loads((self.path / MANIFEST).read_text())
        return manifest

    def summary(self) -> dict[str, Any]:
        """Read the summary that the stage returned, e.g. counts and seconds."""
        return dict(self.manifest()["summary"])


def without_runtime(config: Json | Mapping[str, Json]) -> Json:
    """Remove every key named ``runtime``, at any depth: those settings change speed, not results."""
    if isinstance(config, Mapping):
        return {str(k): without_runtime(v) for k, v in config.items() if k != "runtime"}
    if isinstance(config, list | tuple):
        return [without_runtime(v) for v in config]
    return config


def artifact_key(stage: Stage, config: Mapping[str, Json], inputs: Mapping[str, str]) -> str:
    """Hash the stage's name and version, its resolved config without ``runtime``, and its inputs' keys: SHA-256 hex."""
    content = {"stage": stage.name, "version": stage.version, "config": without_runtime(config), "inputs": dict(inputs)}
    return hashlib.sha256(json.dumps(content, sort_keys=True, allow_nan=False).encode()).hexdigest()


def build(
    root: Path,
    stage: Stage,
    config: Mapping[str, Json],
    inputs: Mapping[str, Artifact],
    make: Callable[[Path], Mapping[str, Plain]],
) -> Artifact:
    """Return the artifact of this stage, config and inputs from the store, or make it with ``make(folder)``.

    ``make`` writes into a folder that survives a kill (see :func:`write_whole`) and returns a JSON summary, which
    goes into the manifest. If two processes want the same artifact, the second waits on a lock and says for whom (see
    :mod:`conself.runtime.locks`).

    Raises:
        StorageFullError: the disk is full; finished shards are kept and the next run resumes from them.
    """
    key = artifact_key(stage, config, {name: a.key for name, a in inputs.items()})
    final = root / stage.name / key
    partial = root / stage.name / f".{key}.partial"
    with _storage_errors(root, stage.name):
        final.parent.mkdir(parents=True, exist_ok=True)
        with locked(root / stage.name / f".{key}.lock", f"{stage.name} {key[:12]}"):
            if (final / MANIFEST).is_file():
                return Artifact(stage.name, key, final, reused=True)
            partial.mkdir(exist_ok=True)
            for leftover in partial.rglob(".*.writing"):  # of a process that was killed while it wrote
                leftover.unlink()
            for leftover in final.parent.glob(f".{key}.*{SUFFIX}"):
                leftover.unlink(missing_ok=True)
            with noting_failure(partial.with_suffix(".failed")):
                summary = make(partial)
            manifest = {
                "stage": stage.name,
                "version": stage.version,
                "key": key,
                "config": without_runtime(config),
                "inputs": {name: a.key for name, a in inputs.items()},
                "summary": summary,
                "versions": versions(),
            }
            write_whole(partial / MANIFEST, lambda path: path.write_text(json.dumps(manifest, indent=1)))
            partial.rename(final)
    return Artifact(stage.name, key, final, reused=False)


@contextlib.contextmanager
def noting_failure(note: Path) -> Iterator[None]:
    """Record an error in the block in the file ``note``, until the next try; ``conself status`` shows it."""
    note.unlink(missing_ok=True)
    try:
        yield
    except Exception as error:
        with contextlib.suppress(OSError):  # the disk may be the cause
            note.write_text(json.dumps({**asdict(Owner.this()), "error": f"{type(error).__name__}: {error}"}))
        raise


def other_version(root: Path, stage: Stage) -> int | None:
    """Return the version of a stage's artifacts in the store; None if some have this version, or there are none.

    Only the newest artifacts are read, because a store may be large.
    """
    paths: list[Path] = []
    with contextlib.suppress(OSError):  # somebody may remove one meanwhile
        paths = sorted((root / stage.name).glob(f"*/{MANIFEST}"), key=lambda path: path.stat().st_mtime, reverse=True)
    versions_there = {version for path in paths[:_NEWEST] if (version := _version(path)) is not None}
    return max(versions_there) if versions_there and stage.version not in versions_there else None


def _version(manifest: Path) -> int | None:
    """Return the stage's version from a manifest, if it can be read."""
    try:
        return int(json.loads(manifest.read_text())["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file atomically: ``write`` fills a temporary file beside it, which is then renamed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.writing")
    try:
        write(temporary)
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _storage_errors(root: Path, stage: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        free = shutil.disk_usage(root).free // 2**20 if root.exists() else 0
        raise StorageFullError(
            f"no space left for the artifacts of stage {stage!r} in {root} ({free} MiB free): "
            "free some space or set artifacts=FOLDER on a larger disk, then run the same command again; "
            "finished shards are kept"
        ) from error
