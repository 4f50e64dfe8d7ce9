"""A data set repository of the Hugging Face hub at one commit: list its files, and download them on demand.

This uses the hub's own client, with its cache, resumed downloads, offline mode (``HF_HUB_OFFLINE=1``) and endpoint
(``HF_ENDPOINT``). If the hub cannot be reached, the cache is used.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from huggingface_hub import get_cached_repo_tree, resolve_revision, snapshot_download
from huggingface_hub.errors import (
    CachedRepoTreeNotFoundError,
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

_KIND = "dataset"


@dataclass(frozen=True)
class Snapshot:
    """The repository ``repo`` at ``commit``; ``revision`` is the requested name of the commit."""

    repo: str
    revision: str
    commit: str

    @classmethod
    def find(cls, repo: str, revision: str) -> "Snapshot":
        """Resolve a branch, tag or commit to its commit now, or when the cache was filled.

        The answer is kept for the life of the process, so that one run sees one commit.

        Raises:
            OSError: the hub cannot be read and the cache does not have the revision; with the remedy.
        """
        return cls(repo, revision, _commit(repo, revision))

    def names(self) -> list[str]:
        """List all files of the repository; offline, those in the cache.

        Raises:
            OSError: the hub cannot be read, and the cache has nothing of this commit.
        """
        with contextlib.suppress(CachedRepoTreeNotFoundError):
            return self._known()
        with _one_line_errors(self.repo, self.revision):
            # the way of the client to list a repository and to remember the list: ask for a file that costs nothing
            folder = Path(self._fetch(".gitattributes"))
            with contextlib.suppress(CachedRepoTreeNotFoundError):
                return self._known()
            return [file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()]

    def download(self, name: str) -> Path:
        """Return the local copy of a file, downloaded first if it is not in the cache.

        Raises:
            OSError: it is not in the cache and the hub cannot be read.
        """
        with _one_line_errors(self.repo, self.revision):
            return Path(self._fetch(name)) / name

    def _known(self) -> list[str]:
        return [file.path for file in get_cached_repo_tree(self.repo, repo_type=_KIND, revision=self.commit)]

    def _fetch(self, name: str) -> str:
        return snapshot_download(self.repo, repo_type=_KIND, revision=self.commit, allow_patterns=[name])


@lru_cache
def _commit(repo: str, revision: str) -> str:
    with _one_line_errors(repo, revision):
        return resolve_revision(repo, repo_type=_KIND, revision=revision).resolved


@contextlib.contextmanager
def _one_line_errors(repo: str, revision: str) -> Iterator[None]:
    """Convert the client's exceptions to one line with a remedy: connections fail in many ways."""
    where = f"data set {repo} at revision {revision}"
    try:
        yield
    except GatedRepoError as error:
        raise OSError(f"{where}: accept its terms at huggingface.co/datasets/{repo}, then set HF_TOKEN") from error
    except RevisionNotFoundError as error:
        raise OSError(f"{where}: the repository has no such revision; see its branches on the hub") from error
    except RepositoryNotFoundError as error:
        raise OSError(f"{where}: the hub has no such data set, or it is private and HF_TOKEN is not set") from error
    except HFValidationError as error:
        raise ValueError(f"data set repository {repo!r} is no name that the hub knows: owner/name is needed") from error
    except Exception as error:
        cause = error.__cause__ or error  # the client wraps the cause in advice for its own users
        reason = next(iter(str(cause).strip().splitlines()), "")
        raise OSError(
            f"{where} cannot be read from the hub ({type(cause).__name__}: {reason}) and is not in its cache; give "
            f"dataset.path=<local copy>, or fill the cache from elsewhere: hf download --repo-type dataset {repo}"
        ) from error
