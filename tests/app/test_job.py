"""How jobs end that do not end well."""

import io
import signal
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from rich.console import Console

from conself.app.job import one_line_errors
from conself.sandbox.terminal import answer_interrupts


@pytest.mark.parametrize("in_sweep", [False, True])
def test_an_interrupt_is_one_line_and_ends_a_sweep_too(tmp_path: Path, in_sweep: bool) -> None:
    shown = io.StringIO()
    with pytest.raises(SystemExit) as stopped, one_line_errors(Console(file=shown, width=200), tmp_path, in_sweep):
        raise KeyboardInterrupt
    assert stopped.value.code == 130
    assert shown.getvalue() == "interrupted: finished results are kept; run the same command to continue\n"


def test_interrupts_count_where_a_shell_has_them_ignored_and_nowhere_else() -> None:
    before = signal.getsignal(signal.SIGINT)
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        answer_interrupts()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # somebody's own choice is kept
        answer_interrupts()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_error_with_a_path_is_printed_as_it_is(tmp_path: Path) -> None:
    shown, path = io.StringIO(), "/runs/[bold]x[/bold]/" + "long/" * 30
    with pytest.raises(SystemExit), one_line_errors(Console(file=shown, width=80), tmp_path, in_sweep=False):
        raise ValueError(f"no such file: {path}")
    assert shown.getvalue() == f"error: no such file: {path}\n"


@pytest.mark.parametrize(
    ("testing", "message"),
    [
        (
            None,
            "writer.cases is taken from testing.reader.most, but testing has no settings: choose a part for it, or set",
        ),
        ({"reader": {}}, "writer.cases is taken from testing.reader.most, but that is missing: set it, or set"),
    ],
)
def test_a_setting_that_follows_what_is_not_there(tmp_path: Path, testing: object, message: str) -> None:
    config = OmegaConf.create({"testing": testing, "writer": {"cases": "${testing.reader.most}"}})
    shown = io.StringIO()
    with pytest.raises(SystemExit), one_line_errors(Console(file=shown, width=400), tmp_path, in_sweep=False):
        OmegaConf.to_container(config, resolve=True)
    assert shown.getvalue() == f"error: {message} writer.cases itself\n"
