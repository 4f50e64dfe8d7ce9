"""Trace the data sets a model was trained on, to exclude them as its benchmarks.

A data set that is a benchmark as a whole (MBPP, whose 427 sanitized problems are MBPP+'s as well) has a class attribute
``whole`` with its name, and so have its variants.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from conself.datasets.decontamination import Stated
from conself.store.artifacts import MANIFEST, Manifest


def refuse_own_figures(trained: Mapping[str, str], benchmarks: Mapping[str, Stated]) -> None:
    """Check that no benchmark's problems were trained on.

    Args:
        trained: name of a whole data set -> a clause for the message that says which model was trained on it.
        benchmarks: name -> benchmark part.

    Raises:
        ValueError: names the benchmarks that were, and those that remain.
    """
    own = {name: whole for name, part in benchmarks.items() if (whole := whole_of(part)) in trained}
    if own:
        left = [name for name in benchmarks if name not in own]
        where = next(trained[whole] for whole in own.values() if whole is not None)
        raise ValueError(
            f"{where}, and its problems are those of {', '.join(own)}: a figure would measure memorisation; "
            f"set benchmark=[{','.join(left) or 'none'}]"
        )


def whole_of(part: Stated) -> str | None:
    """Return the name of the whole data set behind a data set or benchmark part; None for a split of one."""
    while (inner := getattr(part, "dataset", None)) is not None:
        part = inner
    whole = getattr(part, "whole", None)
    return whole if isinstance(whole, str) else None


def trained_into(places: Iterable[str | None]) -> dict[str, str]:
    """Apply :func:`trained_on` to all folders among names of models and adapters."""
    folders = [Path(place).expanduser() for place in places if place is not None]
    return {whole: words for folder in folders if folder.is_dir() for whole, words in trained_on(folder).items()}


def trained_on(folder: Path) -> dict[str, str]:
    """Map each whole data set that an adapter or model folder of the store was trained on to a clause for a message.

    Empty for a folder outside the store, whose training data are unknown.
    """
    clauses: dict[str, str] = {}
    for manifest in _ancestors(folder.resolve().parent):
        whole = manifest["summary"].get("whole") if manifest.get("stage") == "problems" else None
        if isinstance(whole, str):
            clauses[whole] = f"{folder} was trained on {whole}"
    return clauses


def _ancestors(artifact: Path) -> Iterator[Manifest]:
    """Yield the manifests of an artifact and of all artifacts it was built from, as far as its store has them."""
    store, todo = artifact.parent.parent, [artifact]
    visited: set[Path] = set()
    while todo:
        path = todo.pop()
        if path in visited or not (path / MANIFEST).is_file():
            continue
        visited.add(path)
        manifest: Manifest = json.loads((path / MANIFEST).read_text())
        yield manifest
        todo += [place for key in manifest.get("inputs", {}).values() for place in store.glob(f"*/{key}")]
