"""The room's walls: analysis reads what runs leave behind, and can't reach into how they are made."""

import ast
from pathlib import Path

import pytest

ROOM = Path(__file__).parents[2] / "analysis"
FILES = sorted(ROOM.rglob("*.py"))
ALLOWED = {"agreement", "rankings", "records", "statistics", "store"}
ALLOWED |= {"runtime", "sandbox"}  # what any command owes whoever waits for it


def imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return names | {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOM).as_posix())
def test_it_imports_records_and_statistics_alone(path: Path) -> None:
    names = imported(path)
    assert {name.split(".")[1] for name in names if name.startswith("conself.")} <= ALLOWED
    assert not names & {"hydra", "torch", "transformers", "lightning", "wandb", "pickle", "conself"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOM).as_posix())
def test_it_is_called_by_no_name_of_its_own(path: Path) -> None:
    """In a checkout it is ``analysis``, and ``conself_analysis`` where it is installed."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)]
    assert not {(node.module or "").split(".")[0] for node in nodes if node.level == 0} & {
        "analysis",
        "conself_analysis",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOM).as_posix())
def test_no_file_or_function_is_overgrown(path: Path) -> None:
    source = path.read_text()
    assert source.count("\n") <= 300
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 45, node.name
