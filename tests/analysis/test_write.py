import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.spread import Spread
from analysis.tables.table import Cell, Table, Written, missing, number, show, table_of
from analysis.write import csv_text, escaped, latex, markdown, write_tables

TABLE = Table(
    "a_b",
    "Rates & such.",
    ("method", "pass@1", "p"),
    ("", ".1%", "p"),
    (("wo_cc | x", Spread(0.5, 0.0125, 3), 0.0123456), ("base", 0.25, None)),
    ("100 % of it.",),
)


@pytest.mark.parametrize(
    ("cell", "form", "text"),
    [
        (None, ".1%", "-"),
        ("x", "d", "x"),
        (0.4694, ".1%", "46.9%"),
        (-0.0154, "+.1%", "-1.5%"),
        (Spread(0.4694, 0.012, 3), ".1%", "46.9 ± 1.2%"),
        (Spread(0.4694, 0.012, 3), "+.1%", "+46.9 ± 1.2%"),
        (Spread(0.4694, None, 1), ".1%", "46.9%"),
        (Spread(966.5, 0.7, 2), "d", "966 ± 1"),
        (0.8626, ".3f", "0.863"),
        (3.4e-51, "p", "3e-51"),
        (0.0, "p", "<1e-300"),
        (0.04, "p", "0.040"),
        (7, "", "7"),
        (Written(0.3195, "31.95%"), ".1%", "31.95%"),
    ],
)
def test_cells_as_text(cell: Cell, form: str, text: str) -> None:
    assert show(cell, form) == text


def test_raw_numbers_to_sort_by() -> None:
    assert [number(cell) for cell in (Spread(0.5, 0.1, 2), 3, 0.25, "x", None)] == [0.5, 3.0, 0.25, None, None]


def test_a_bound_reads_as_one_and_sorts_as_a_number() -> None:
    found = Table("t", "c", ("p",), ("p",), ((Written(2 / 10_001, "≤0.0002"),), (0.5,)))
    assert "| ≤0.0002 |" in markdown(found)
    assert r"$\leq$0.0002 \\" in latex(found)
    assert csv_text(found).splitlines() == ["p", "0.00019998000199980003", "0.5"]
    assert number(found.rows[0][0]) == 2 / 10_001


def test_markdown() -> None:
    assert markdown(TABLE) == (
        "**Rates & such.**\n\n"
        "| method | pass@1 | p |\n"
        "| --- | ---: | ---: |\n"
        "| wo_cc \\| x | 50.0 ± 1.2% | 0.012 |\n"
        "| base | 25.0% | - |\n\n"
        "- 100 % of it.\n"
    )


def test_csv_has_the_numbers_at_full_precision() -> None:
    assert list(csv.reader(io.StringIO(csv_text(TABLE)))) == [
        ["method", "pass@1", "pass@1 (sd)", "pass@1 (n)", "p"],
        ["wo_cc | x", "0.5", "0.0125", "3", "0.0123456"],
        ["base", "0.25", "", "", ""],
    ]


def test_latex_is_booktabs_and_escaped() -> None:
    text = latex(TABLE)
    assert r"\caption{Rates \& such.}" in text
    assert r"\label{tab:a-b}" in text
    assert r"\begin{tabular}{lrr}" in text
    assert r"wo\_cc | x & 50.0 $\pm$ 1.2\% & 0.012 \\" in text
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")


def test_wide_tables_are_made_to_fit() -> None:
    wide = Table("t", "c", tuple("abcdefghi"), ("d",) * 9, (tuple(range(9)),))
    assert r"\resizebox{\textwidth}{!}{%" in latex(wide)
    assert r"\end{tabular}}" in latex(wide)
    assert "resizebox" not in latex(TABLE)
    assert latex(wide).count("{") == latex(wide).count("}")


@given(st.text())
def test_no_special_character_is_left_bare(text: str) -> None:
    found = escaped(text)
    for special in "&%$#_{}":
        assert (
            found.replace(f"\\{special}", "")
            .replace("{}", "")
            .replace("$\\pm$", "")
            .replace("$-$", "")
            .replace("$\\geq$", "")
            .replace("$\\leq$", "")
            .count(special)
            == 0
        )


def test_files_are_named_by_the_table_and_those_left_out_are_not_written(tmp_path: Path) -> None:
    files = write_tables([TABLE, missing("none", "None.", "nothing to show")], tmp_path / "tables")
    assert sorted(path.name for path in files) == ["a_b.csv", "a_b.md", "a_b.tex"]
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == ["a_b.csv", "a_b.md", "a_b.tex"]


def test_files_of_a_table_that_is_left_out_now_are_removed(tmp_path: Path) -> None:
    write_tables([TABLE], tmp_path)
    (tmp_path / "mine.md").write_text("kept")
    write_tables([missing(TABLE.name, "None.", "nothing to show")], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.md"]


def test_a_cell_is_one_line_and_no_argument_of_the_line_before() -> None:
    found = Table("t", "c", ("[a]", "b"), ("", ""), (("[x]\n\ny", "* z"),))
    assert "{}[x] y & {}* z \\\\" in latex(found)
    assert "{}[a] & b \\\\" in latex(found)
    assert markdown(found).splitlines()[4] == "| [x] y | * z |"


def test_columns_that_say_nothing_are_left_out() -> None:
    found = table_of("t", "c", [("a", ""), ("b", "d"), ("c", "d")], [("x", None, 1), ("y", None, None)], ["", "n"])
    assert (found.columns, found.formats, found.rows, found.notes) == (
        ("a", "c"),
        ("", "d"),
        (("x", 1), ("y", None)),
        ("n",),
    )
