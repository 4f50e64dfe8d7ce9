"""Which tests run, and which of them run alone.

``pytest`` runs the quick tests on all cores; ``pytest --all`` adds the exhaustive ones, marked ``slow``. A test marked
``alone`` looks at other processes, at /dev/shm or at a clock: while it runs, no other test does.
"""

import fcntl
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

import conself.app.job  # noqa: F401  # its resolvers are named in conf/

settings.register_profile("the same everywhere", deadline=None, derandomize=True, max_examples=40)
settings.register_profile("further examples each time", deadline=None)  # a busy machine is no failure


_COMMANDS = {"e2e", "package"}
"""Folders of tests that run commands as a user does, from a checkout and from a wheel."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the exhaustive tests as well, those marked slow")


def pytest_configure(config: pytest.Config) -> None:
    """Quick runs draw the same, fewer examples every time; the exhaustive ones go on looking for others."""
    settings.load_profile("further examples each time" if config.getoption("--all") else "the same everywhere")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out unless asked for; commands come first, since they take longest."""
    everything = config.getoption("--all") or "slow" in config.getoption("-m")
    slow = [] if everything else [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in set(slow)]
    for item in items:
        if _COMMANDS & set(item.path.parts):
            item.add_marker(pytest.mark.e2e)
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.no_cover)  # the same lines forty times, at twice their price when counted
    items.sort(key=lambda item: not item.get_closest_marker("e2e"))


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of a run share; what is made in it is made under a lock."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


_GATE, _ROOM = Path(__file__), Path(__file__).with_name("__init__.py")  # locked, never written


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Tests run side by side with their fixtures, but for those marked ``alone``, which wait for all others to end.

    Whoever waits for the room holds the gate, so that nobody enters before.
    """
    with _ROOM.open() as room:
        with _GATE.open() as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            fcntl.flock(room, fcntl.LOCK_EX if item.get_closest_marker("alone") else fcntl.LOCK_SH)
        return (yield)
