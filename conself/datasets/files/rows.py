"""The rows of a data set from its data files: a local file or folder, or a repository of the Hugging Face hub."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from conself.datasets.files.formats import BadRow, Row, format_of, read
from conself.datasets.files.hub import Snapshot

__all__ = ["BadRow", "Files", "Row"]

_SHARD = re.compile(r"(.*)-\d{5}-of-(\d{5})(\..*)")


@dataclass(frozen=True)
class Files:
    """Data files and their rows, read one after another, so that a data set is never in memory as a whole.

    Args:
        path: a local file of any name, or a folder with the repository's layout; None for the hub.
        repo: data set repository of the hub, ``owner/name``.
        revision: its branch, tag or commit.
        patterns: which files, in this order; ``*`` stands for any text, ``/`` included. Files of one pattern are
            sorted by name; every pattern must match a file.

    Raises:
        ValueError: the patterns are a text instead of a list.
    """

    path: str | None
    repo: str
    revision: str
    patterns: Sequence[str]

    def __post_init__(self) -> None:
        if isinstance(self.patterns, str):
            raise ValueError(f"dataset.files must be a list, such as ['{self.patterns}']")

    def rows(self) -> Iterator[Row | BadRow]:
        """Yield each row as a dict, or as a :class:`BadRow` if it cannot be parsed; files are downloaded when reached.

        Raises:
            OSError: there is no such file, the hub cannot be read, or a file is damaged; with the remedy.
            ValueError: no file matches the patterns, or a file has an unknown format.
        """
        if self.path is not None:
            for name, path in self._local(self.path).items():
                yield from read(path, name)
        else:
            snapshot = Snapshot.find(self.repo, self.revision)
            for name in self._chosen(snapshot.names(), f"{self.repo} at revision {self.revision}"):
                yield from read(snapshot.download(name), name)

    def fingerprint(self) -> str:
        """Hash the content with SHA-256: names and bytes of local files (of a single file its format and bytes), or the
        hub's commit and names.

        Raises:
            OSError: as ``rows``, before anything is downloaded.
            ValueError: as ``rows``.
        """
        if self.path is not None:
            local = self._local(self.path)
            identity: list[object] = [
                (name if len(local) > 1 else format_of(name), _hash(path)) for name, path in local.items()
            ]
        else:
            snapshot = Snapshot.find(self.repo, self.revision)
            names = self._chosen(snapshot.names(), f"{self.repo} at revision {self.revision}")
            identity = [self.repo, snapshot.commit, *names]
        return hashlib.sha256(json.dumps(identity).encode()).hexdigest()

    def _local(self, path: str) -> dict[str, Path]:
        """Map names relative to the folder to files."""
        root = Path(path).expanduser()
        if root.is_file():
            return {root.name: root}
        if not root.is_dir():
            raise FileNotFoundError(
                f"there is no file or folder {path!r}; set dataset.path to a local copy of {self.repo}"
            )
        below = [file for file in root.rglob("*") if file.is_file()]
        return {name: root / name for name in self._chosen([f.relative_to(root).as_posix() for f in below], path)}

    def _chosen(self, names: Sequence[str], where: str) -> list[str]:
        chosen: list[str] = []
        for pattern in self.patterns:
            matching = [name for name in sorted(names) if fnmatchcase(name, pattern)]
            if not matching:
                raise ValueError(
                    f"no file of {where} matches {pattern}; there are: {_listed(names)}; set dataset.path to a file, "
                    "or to a folder laid out as the repository"
                )
            _check_shards(matching, pattern, where)
            chosen += matching
        return list(dict.fromkeys(chosen))


def _listed(names: Sequence[str]) -> str:
    shown = [name for name in sorted(names) if not name.startswith(".")]
    return (", ".join(shown[:10]) or "none") + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")


def _check_shards(names: Sequence[str], pattern: str, where: str) -> None:
    """Check that all shards ``data-00003-of-00009.arrow`` are there, or some would pass for the whole data set."""
    shards = [match for name in names if (match := _SHARD.fullmatch(name))]
    for prefix, total, ending in {(shard[1], shard[2], shard[3]) for shard in shards}:
        n_present = sum((shard[1], shard[2], shard[3]) == (prefix, total, ending) for shard in shards)
        if n_present < int(total) and "*" in pattern:
            raise ValueError(
                f"{where} has {n_present} of the {int(total)} files {prefix}-*-of-{total}{ending}: get the others, "
                "or choose some by their whole names"
            )


def _hash(path: Path) -> str:
    stat = path.stat()
    return _hash_of(str(path.resolve()), stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=1024)
def _hash_of(path: str, mtime: int, size: int) -> str:  # noqa: ARG001 - mtime and size: an edited file is read again
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
