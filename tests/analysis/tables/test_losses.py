"""What runs lost, as the report shows it."""

from pathlib import Path

from tests.analysis.run_folders import write_run
from tests.analysis.tables.cells import table

GRANT = "programs lack a module (scipy 2): grant it by judging.packages=[scipy] where it is installed"


def test_every_loss_has_a_row_with_its_remedy(tmp_path: Path) -> None:
    lost = {
        "problems": {"left_out": {"malformed record": 3, "beyond max_problems": 9}},
        "evaluate/minipy/base": {"missing_modules": 2, "modules": {"scipy": 2}, "unmatched": 1},
    }
    remedies = {
        "problems": {"left_out": "strict=true stops"},
        "evaluate/minipy/base": {"missing_modules": GRANT, "unmatched": "mend them"},
    }
    write_run(tmp_path / "0", pool=False, extra={"losses": lost, "remedies": remedies})
    write_run(tmp_path / "1", seed=1, pool=False, extra={"losses": {}, "remedies": {}})
    found = table(tmp_path, "losses")
    assert found.columns == ("run", "seed", "folder", "step", "count", "what, and what changes it")
    name = f"{tmp_path.name}/0"
    assert [row[2:] for row in found.rows] == [
        (name, "problems", 3, "malformed record (strict=true stops)"),
        (name, "problems", 9, "beyond max_problems (strict=true stops)"),
        (name, "evaluate/minipy/base", 2, GRANT),
        (name, "evaluate/minipy/base", 1, "mend them"),
    ]


def test_a_run_of_an_earlier_version_names_its_losses_without_remedies(tmp_path: Path) -> None:
    write_run(tmp_path, pool=False, extra={"losses": {"execute": {"cut_outputs": 4}}})
    assert [row[3:] for row in table(tmp_path, "losses").rows] == [("execute", 4, "cut outputs")]


def test_where_nothing_was_lost_there_is_no_table(tmp_path: Path) -> None:
    write_run(tmp_path, pool=False, extra={"losses": {}})
    assert table(tmp_path, "losses").left_out == "no run says that it lost anything"
