"""What the entry points share: the config's resolvers, the check of all parts before any work, one-line errors."""

import contextlib
import importlib.util
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra.errors import CompactHydraException, HydraException, InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from rich.console import Console
from rich.markup import escape

from conself.checks import check_types

log = logging.getLogger("conself")


def package_path(package: str, name: str) -> str:
    """The path of a file or folder inside an installed package, without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ValueError(f"package {package!r} is not installed; run `make setup`")
    return str(Path(spec.origin).parent / name)


def resolved(config: DictConfig) -> DictConfig:
    """The config without interpolations, so that a slice of it stands on its own; a missing value (???) is an error."""
    plain = OmegaConf.create(OmegaConf.to_container(config, resolve=True, throw_on_missing=True))
    if not isinstance(plain, DictConfig):
        raise TypeError(f"expected a mapping as config, got {type(plain).__name__}")
    return plain


def check_parts(config: DictConfig, names: Sequence[str]) -> None:
    """Check the types of all settings and build every part once, so that most wrong settings are told before any work.

    Building a part costs nothing.

    Raises:
        ValueError: a setting has the wrong type; names its key.
        InstantiationException: a part refuses its settings.
    """
    plain: Any = OmegaConf.to_container(config)
    check_types(plain, "")
    for name in names:
        instantiate(config[name], _convert_="all")


class JobFailed(CompactHydraException):
    """A job ended with an error that was shown; the other jobs of a sweep go on, and the exit status is not 0."""


@contextlib.contextmanager
def one_line_errors(console: Console, folder: Path, in_sweep: bool) -> Iterator[None]:
    """Show an error as one line on the console; its traceback goes to the log in the run folder.

    What stages have finished stays on disk, and the same command goes on from there.

    Raises:
        JobFailed: in a sweep, in place of any exception, so that the other jobs go on.
        SystemExit: status 2, in place of any exception of a single job.
    """
    try:
        yield
    except Exception as error:
        log.debug("traceback of the error shown", exc_info=error)
        known = isinstance(error, ValueError | OSError | FloatingPointError | HydraException | OmegaConfBaseException)
        kind = "error" if known else f"unexpected {type(error).__name__} (traceback in {folder})"
        console.print(f"[bold red]{kind}:[/bold red] {escape(_one_line(error))}", highlight=False, soft_wrap=True)
        if in_sweep:
            raise JobFailed("the job ended early") from None
        raise SystemExit(2) from None


def _one_line(error: BaseException) -> str:
    where = ""
    while isinstance(error, InstantiationException) and error.__cause__ is not None:
        lines = [line.strip() for line in str(error).splitlines()]
        where = next((line for line in lines if line.startswith("full_key:")), where)
        error = error.__cause__
    text = " ".join(str(error).split())
    return f"{text} ({where})" if where else text


OmegaConf.register_new_resolver("package_path", package_path, replace=True)
