"""The command ``conself``, and a tree that is not installed."""

import importlib.metadata
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import conself
from analysis import report
from conself.__main__ import main
from conself.runtime.versions import versions
from tests.package.environments import ROOT, SCORE, borrowing_environment, run, write_own_part


def test_its_help_imports_nothing_heavy() -> None:
    code = "import sys; from conself.__main__ import main; sys.argv = ['conself', '--help']\ntry: main()\n"
    code += "except SystemExit as end: assert end.code == 0\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "commands:\n  train " in done.stdout
    assert not {"torch", "hydra", "numpy", "rich"} & set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(("words", "told"), [(["tarin"], "'tarin'"), ([], "COMMAND")])
def test_an_unknown_command_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    monkeypatch.setattr("sys.argv", ["conself", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("missing", [["matplotlib"], ["jinja2", "matplotlib"]])
def test_a_report_without_its_extra_ends_in_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, missing: list[str]
) -> None:
    for name in missing:
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    monkeypatch.setattr("sys.argv", ["report", f"runs={tmp_path}"])
    with pytest.raises(SystemExit) as ended:
        report.main()
    assert ended.value.code == 2
    names = " and ".join(missing)
    line = f"error: the report needs {names}, which the extra [report] brings: pip install 'conself[report]'\n"
    assert capsys.readouterr().out == line


@pytest.mark.parametrize(
    ("folder", "cause"),
    [
        ("checkout", "No module named 'rich'"),
        ("alone", "its package is neither installed nor in {checkout}/analysis"),
        ("hidden", "its package is neither installed nor in {checkout}/analysis; {here}/analysis is another package"),
    ],
)
def test_a_report_that_cannot_be_imported_ends_in_one_line(folder: str, cause: str, tmp_path: Path) -> None:
    checkout = ROOT if folder == "checkout" else tmp_path / "checkout"
    here = tmp_path / "here"
    (here / "analysis" if folder == "hidden" else here).mkdir(parents=True)
    if folder != "checkout":
        (checkout / "conself").mkdir(parents=True)
        for name in ("__init__.py", "report.py"):
            (checkout / "conself" / name).write_bytes((ROOT / "conself" / name).read_bytes())
    done = subprocess.run(
        [sys.executable, "-S", "-m", "conself.report", "runs=."],  # -S: nothing is installed
        env={"PYTHONPATH": str(checkout)}, cwd=here, capture_output=True, text=True, check=False,
    )  # fmt: skip
    cause = cause.format(checkout=checkout.resolve(), here=here.resolve())
    remedy = "pip install 'conself[report]', or '.[report]' in a checkout"
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: the report cannot be made ({cause}): {remedy}\n"


def test_a_library_that_the_extra_needs_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delitem(sys.modules, "analysis.write_report", raising=False)
    monkeypatch.setitem(sys.modules, "analysis.parts", None)  # an import of it fails
    monkeypatch.setattr("sys.argv", ["report", f"runs={tmp_path}"])
    with pytest.raises(SystemExit) as ended:
        report.main()
    (line,) = capsys.readouterr().out.splitlines()
    assert ended.value.code == 2
    assert line.startswith("error: the report cannot be made (import of analysis.parts halted")
    assert line.endswith("pip install 'conself[report]'")


def test_versions_are_those_of_what_runs() -> None:
    told = versions()
    assert told["conself"] == conself.__version__
    assert told["python"] == ".".join(map(str, sys.version_info[:3]))
    assert told["torch"] == torch.__version__
    assert told["transformers"] == importlib.metadata.version("transformers")


def test_a_tree_that_is_not_installed_runs_to_the_end(tmp_path: Path) -> None:
    python = borrowing_environment(tmp_path / "environment")
    folder = tmp_path / "folder"
    write_own_part(folder)
    code = "import importlib.metadata; importlib.metadata.version('conself')"
    unknown = subprocess.run([python, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert "No package metadata was found for conself" in unknown.stderr
    tree = {**os.environ, "PYTHONPATH": str(ROOT)}
    run(python, "-m", "conself", "score", *SCORE, "hydra.run.dir=run", cwd=folder, env=tree)
    (row,) = map(json.loads, (folder / "scores" / "uncertainty.jsonl").read_text().splitlines())
    assert row["metrics"]["mine"] == 1.5
    assert row["metrics"]["code_semantic_entropy"] == pytest.approx(math.log(3) - 2 / 3 * math.log(2))
    results = json.loads((folder / "run" / "results.json").read_text())
    manifests = [json.loads(path.read_text()) for path in folder.glob("artifacts/*/*/manifest.json")]
    assert manifests
    for record in [results, *manifests]:
        assert record["versions"]["conself"] == conself.__version__
