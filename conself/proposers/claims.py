"""The table ``generated_tests``: inputs with the outputs that a model claims for them, one row per test.

A claim is no oracle, because it may be wrong, and must not be trained on: training code cannot import this module
(tests/test_architecture.py).
"""

from collections.abc import Iterable
from pathlib import Path

from conself.generated_tests.generated_test import GeneratedTest
from conself.store.tables import read_records, write_records

_NAME = "generated_tests"


def write_claims(folder: Path, tests: Iterable[GeneratedTest]) -> None:
    """Write the tests -> generated_tests.parquet in ``folder``."""
    write_records(folder / f"{_NAME}.parquet", GeneratedTest, tests)


def has_claims(folder: Path) -> bool:
    """Return whether a folder has the table."""
    return (folder / f"{_NAME}.parquet").is_file()


def read_claims(folder: Path) -> list[GeneratedTest]:
    """Read the tests of an artifact of stage ``propose``, in the order of their problems."""
    return read_records(folder, GeneratedTest, _NAME)
