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
    """Data files, and the rows in them, one after another: no whole data set is ever in memory.

    Args:
        path: a local file, whatever it is called; or a folder laid out as the repository is; None for the hub.
        repo: data set repository of the hub, ``owner/name``.
        revision: its branch, tag or commit.
        patterns: which files, in this order; ``*`` stands for any text, ``/`` included. Files of one pattern come in
            the order of their names; every pattern must match some.

    Raises:
        ValueError: the patterns are one text and no list.
    """

    path: str | None
    repo: str
    revision: str
    patterns: Sequence[str]

    def __post_init__(self) -> None:
        if isinstance(self.patterns, str):
            raise ValueError(f"dataset.files must be a list, such as ['{self.patterns}']")

    def rows(self) -> Iterator[Row | BadRow]:
        """Each row as a dict, each that cannot be parsed as a :class:`BadRow`; a file is downloaded when it is reached.

        Raises:
            OSError: there is no such file, the hub cannot be read, or a file is damaged; says how to go on.
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
        """SHA-256 that follows the content: of local files their names (of one alone its format) and bytes, of the
        hub its commit and names.

        Raises:
            OSError: as ``rows``, before anything is downloaded.
            ValueError: as ``rows``.
        """
        if self.path is not None:
            local = self._local(self.path)
            known: list[object] = [
                (name if len(local) > 1 else format_of(name), _hash(path)) for name, path in local.items()
            ]
        else:
            snapshot = Snapshot.find(self.repo, self.revision)
            names = self._chosen(snapshot.names(), f"{self.repo} at revision {self.revision}")
            known = [self.repo, snapshot.commit, *names]
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()

    def _local(self, path: str) -> dict[str, Path]:
        """Name below the folder -> file."""
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
            found = [name for name in sorted(names) if fnmatchcase(name, pattern)]
            if not found:
                raise ValueError(
                    f"no file of {where} matches {pattern}; there are: {_listed(names)}; set dataset.path to a file, "
                    "or to a folder laid out as the repository"
                )
            _check_shards(found, pattern, where)
            chosen += found
        return list(dict.fromkeys(chosen))


def _listed(names: Sequence[str]) -> str:
    shown = [name for name in sorted(names) if not name.startswith(".")]
    return (", ".join(shown[:10]) or "none") + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")


def _check_shards(names: Sequence[str], pattern: str, where: str) -> None:
    """A copy of some of the shards ``data-00003-of-00009.arrow`` would be taken for the whole data set."""
    shards = [found for name in names if (found := _SHARD.fullmatch(name))]
    for prefix, total, ending in {(shard[1], shard[2], shard[3]) for shard in shards}:
        there = sum((shard[1], shard[2], shard[3]) == (prefix, total, ending) for shard in shards)
        if there < int(total) and "*" in pattern:
            raise ValueError(
                f"{where} has {there} of the {int(total)} files {prefix}-*-of-{total}{ending}: get the others, "
                "or choose some by their whole names"
            )


def _hash(path: Path) -> str:
    found = path.stat()
    return _hash_of(str(path.resolve()), found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=1024)
def _hash_of(path: str, mtime: int, size: int) -> str:  # noqa: ARG001 - mtime and size: an edited file is read anew
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
