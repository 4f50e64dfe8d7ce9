"""What a model was trained on, and which benchmarks can therefore say nothing about it.

A data set that is a benchmark as a whole (MBPP, whose 427 sanitized problems are MBPP+'s as well) has a class attribute
``whole`` with its name, and so have its variants.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from conself.datasets.decontamination import Stated
from conself.store.artifacts import MANIFEST, Manifest


def refuse_own_figures(trained: Mapping[str, str], benchmarks: Mapping[str, Stated]) -> None:
    """Refuse benchmarks whose problems were trained on.

    Args:
        trained: name of a whole data set -> where it was trained on, in the words of a message.
        benchmarks: name -> benchmark part.

    Raises:
        ValueError: names the benchmarks, and what to choose instead.
    """
    own = {name: whole for name, part in benchmarks.items() if (whole := whole_of(part)) in trained}
    if own:
        left = [name for name in benchmarks if name not in own]
        where = next(trained[whole] for whole in own.values() if whole is not None)
        raise ValueError(
            f"{where}, and its problems are those of {', '.join(own)}: a figure would tell what was learned by heart; "
            f"set benchmark=[{','.join(left) or 'none'}]"
        )


def whole_of(part: Stated) -> str | None:
    """The whole data set that a data set part, or a benchmark's, is made of; None for a split of one."""
    while (inner := getattr(part, "dataset", None)) is not None:
        part = inner
    whole = getattr(part, "whole", None)
    return whole if isinstance(whole, str) else None


def trained_into(places: Iterable[str | None]) -> dict[str, str]:
    """As :func:`trained_on`, of all the folders among names of models and adapters."""
    folders = [Path(place).expanduser() for place in places if place is not None]
    return {whole: words for folder in folders if folder.is_dir() for whole, words in trained_on(folder).items()}


def trained_on(folder: Path) -> dict[str, str]:
    """The whole data sets that went into an adapter or model folder of the artifact store, for a message.

    Empty for a folder that lies elsewhere: nothing says what it was trained on.
    """
    found: dict[str, str] = {}
    for manifest in _ancestors(folder.resolve().parent):
        whole = manifest["summary"].get("whole") if manifest.get("stage") == "problems" else None
        if isinstance(whole, str):
            found[whole] = f"{folder} was trained on {whole}"
    return found


def _ancestors(artifact: Path) -> Iterator[Manifest]:
    """The manifests of an artifact and of all that it was made from, as far as they are in its store."""
    store, todo = artifact.parent.parent, [artifact]
    seen: set[Path] = set()
    while todo:
        path = todo.pop()
        if path in seen or not (path / MANIFEST).is_file():
            continue
        seen.add(path)
        manifest: Manifest = json.loads((path / MANIFEST).read_text())
        yield manifest
        todo += [place for key in manifest.get("inputs", {}).values() for place in store.glob(f"*/{key}")]
