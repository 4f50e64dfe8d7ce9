"""Where results go is made or refused; the user that runs tests may be root, whom no mode keeps out."""

import os
from pathlib import Path

import pytest

from conself.runtime.places import check_file, check_folder, make_folder


def test_a_folder_that_is_missing_is_made_and_one_that_is_there_is_kept(tmp_path: Path) -> None:
    assert make_folder(tmp_path / "a" / "b", "--out").is_dir()
    (tmp_path / "a" / "b" / "file").write_text("kept")
    assert (make_folder(tmp_path / "a" / "b", "--out") / "file").read_text() == "kept"


def test_a_check_makes_nothing(tmp_path: Path) -> None:
    check_folder(tmp_path / "a" / "b", "out")
    assert not (tmp_path / "a").exists()


def test_a_file_in_the_way_is_named_with_the_option(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for refuse in (make_folder, check_folder, check_file):
        with pytest.raises(NotADirectoryError, match=r"^--out=.*/file/x/y: .*/file is a file|^--out=.*/file is a file"):
            refuse(tmp_path / "file" / "x" / "y", "--out")


def test_a_file_gets_its_folder_and_is_not_made(tmp_path: Path) -> None:
    file = check_file(tmp_path / "new" / "results.json", "--out")
    assert file.parent.is_dir()
    assert not file.exists()


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match=r"--out=.* is a folder: name a file"):
        check_file(tmp_path, "--out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="can't be written into"):
        make_folder(tmp_path / "x", "out")
