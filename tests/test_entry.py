"""How jobs end that do not end well."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from conself.entry import one_line_errors


@pytest.mark.parametrize("in_sweep", [False, True])
def test_an_interrupt_is_one_line_and_ends_a_sweep_too(tmp_path: Path, in_sweep: bool) -> None:
    shown = io.StringIO()
    with pytest.raises(SystemExit) as stopped, one_line_errors(Console(file=shown, width=200), tmp_path, in_sweep):
        raise KeyboardInterrupt
    assert stopped.value.code == 130
    assert shown.getvalue() == "interrupted: what is finished is kept; give the same command to go on\n"
