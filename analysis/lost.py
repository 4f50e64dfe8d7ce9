"""Artifacts of a run that are missing (the store was moved or removed, so figures are missing) or broken."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq
from pyarrow.lib import ArrowException

from .runs import Run

_NAMED = 5  # runs
_ANSWERS = {"evaluate", "vote"}
# A missing part of a report -> the stages that it needs.
_NEEDED = {
    "tests and intervals over problems": _ANSWERS,
    "ROC curves": {"score", "verify"},
    "curves of training": {"fit"},
    "pages of problems": {"problems", "sample", "execute", "agree", "score", "select", "pair", "verify"},
}
_BATCH = 1_000  # rows read at once


def lost_artifacts(runs: Sequence[Run]) -> dict[str, list[Path]]:
    """Return the name of each run with dead links -> the targets of those links."""
    found: dict[str, list[Path]] = {}
    for run in runs:
        if targets := list(_dead(run.folder / "artifacts")):
            found.setdefault(run.name, []).extend(targets)
    return found


def lost_note(lost: Mapping[str, Sequence[Path]]) -> str:
    """Return a note on what such a report lacks, where it was expected and what to do; "" if nothing is lost."""
    if not lost:
        return ""
    targets = list(dict.fromkeys(target for each in lost.values() for target in each))
    more = f" and {len(targets) - 1:,} more" if len(targets) > 1 else ""
    stages = {target.parent.name for target in targets}
    missing = [what for what, needed in _NEEDED.items() if needed & stages]
    last = f"{', '.join(missing[:-1])} and {missing[-1]}" if len(missing) > 1 else "".join(missing)
    for_this = f" {last[0].upper()}{last[1:]} are missing for this cause;" if missing else ""
    return (
        f"Artifacts of {listed(list(lost))} are gone: there is no {targets[0]}{more}.{for_this} "
        "move the store back there, or give the commands of these runs again"
    )


def without_verdicts(lost: Mapping[str, Sequence[Path]]) -> list[str]:
    """Return the runs whose answers to benchmarks are lost, and with them the tests over problems."""
    return [name for name, targets in lost.items() if any(target.parent.name in _ANSWERS for target in targets)]


def unreadable(runs: Sequence[Run]) -> Path | None:
    """Return the runs' first broken Parquet file: for broken contents, PyArrow's errors name no file."""
    seen: set[Path] = set()
    for run in runs:
        for place, _, files in os.walk(run.folder / "artifacts", followlinks=True):
            for path in (Path(place, name).resolve() for name in sorted(files) if name.endswith(".parquet")):
                if path not in seen and not _is_whole(path):
                    return path
                seen.add(path)
    return None


def listed(names: Sequence[str]) -> str:
    """Return the first few of many names, as text."""
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")


def _is_whole(path: Path) -> bool:
    try:
        for _ in pq.ParquetFile(path).iter_batches(batch_size=_BATCH):
            pass
    except (ArrowException, OSError):
        return False
    return True


def _dead(folder: Path) -> Iterator[Path]:
    """Yield the missing targets of links below ``folder``; links are not followed."""
    for place, folders, files in os.walk(folder):
        for name in sorted([*folders, *files]):
            path = Path(place) / name
            if path.is_symlink() and not path.exists():
                yield Path(os.path.normpath(path.parent.resolve() / path.readlink()))
