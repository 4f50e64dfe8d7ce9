"""Environments to install ConSelf into, and the wheel that goes there."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("conself", "conf", "analysis", "pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE")
"""What a wheel is made from."""
POOL = (
    '{"id": "a", "entry_point": "f", "inputs": [[1], [5]], "candidates": [{"code": "def f(x): return x + 1"}, '
    '{"code": "def f(x): return 1 + x"}, {"code": "def f(x): return x * 2"}]}\n'
)
"""One problem, two of whose three programs do the same: their entropy is ln 3 - (2/3) ln 2."""
PART = """
from dataclasses import dataclass


@dataclass(frozen=True)
class Candidates:
    scale: float

    def __call__(self, pool, agreement):
        return self.scale * len(pool.candidates)
"""
SCORE = ("--config-dir", "parts", "pool=pool.jsonl", "out=scores", "+metric@metrics.mine=candidates")
"""Words that score what :func:`write_own_part` writes."""


def build_wheel(folder: Path) -> Path:
    """The wheel, built offline from a copy of the sources, in which no earlier build has left anything."""
    copy = folder / "sources"
    copy.mkdir()
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    offline = ("--no-deps", "--no-build-isolation", "--no-index")
    run(sys.executable, "-m", "pip", "wheel", "-q", *offline, "-w", folder, copy)
    (wheel,) = folder.glob("*.whl")
    return wheel


def site_packages(environment: Path) -> Path:
    """The folder of a virtual environment that packages are installed into."""
    return Path(sysconfig.get_path("purelib", "venv", {"base": str(environment)}))


def borrowing_environment(folder: Path) -> Path:
    """A new virtual environment with links to all packages of this one but ConSelf; returns its Python."""
    venv.create(folder, symlinks=True)
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not entry.name.startswith(("conself", "__editable__")) and entry.name != "__pycache__":
            (site_packages(folder) / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


def run(*words: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> None:
    """Run a command to its end.

    Raises:
        AssertionError: it fails; shows what it printed.
    """
    done = subprocess.run(
        words, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def write_own_part(folder: Path) -> None:
    """A metric of one's own, ``mine.py`` and ``parts/metric/candidates.yaml``, beside a pool of programs."""
    (folder / "parts" / "metric").mkdir(parents=True)
    (folder / "mine.py").write_text(PART)
    (folder / "parts" / "metric" / "candidates.yaml").write_text("_target_: mine.Candidates\nscale: 0.5\n")
    (folder / "pool.jsonl").write_text(POOL)
