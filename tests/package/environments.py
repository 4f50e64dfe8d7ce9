"""Environments to install ConSelf into, and the wheel that goes there."""

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("conself", "conf", "analysis", "pyproject.toml", "setup.py", "README.md", "LICENSE", "NOTICE")
"""What a wheel is made from."""


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
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, copy)
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


def run(*words: str | Path) -> None:
    """Run a command to its end.

    Raises:
        AssertionError: it fails; shows what it printed.
    """
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == 0, done.stdout
