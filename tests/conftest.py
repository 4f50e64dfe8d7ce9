"""Which tests run, and which of them run alone.

``pytest`` runs the quick tests on all cores; ``pytest --all`` adds the exhaustive ones, marked ``slow``. A test marked
``alone`` looks at other processes, at /dev/shm or at a clock: while it runs, no other test does.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # a busy machine is no failure
settings.load_profile("any machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the exhaustive tests as well, those marked slow")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests out unless asked for; commands come first, since they take longest."""
    everything = config.getoption("--all") or "slow" in config.getoption("-m")
    slow = [] if everything else [item for item in items if item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)
    items[:] = [item for item in items if item not in set(slow)]
    for item in items:
        if "e2e" in item.path.parts:
            item.add_marker(pytest.mark.e2e)
    items.sort(key=lambda item: not item.get_closest_marker("e2e"))


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of a run share; what is made in it is made under a lock."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@contextmanager
def locked(path: Path, how: int) -> Iterator[None]:
    with path.open("a") as handle:
        fcntl.flock(handle, how)
        yield


@pytest.fixture(scope="session")
def exclusive(shared_folder: Path) -> Callable[[], AbstractContextManager[None]]:
    """A block in which no test runs, for fixtures that look at the machine; it waits for those that do."""

    @contextmanager
    def block() -> Iterator[None]:
        with locked(shared_folder / ".gate", fcntl.LOCK_EX), locked(shared_folder / ".room", fcntl.LOCK_EX):
            yield

    return block


@pytest.fixture(autouse=True)
def turns(
    request: pytest.FixtureRequest, shared_folder: Path, exclusive: Callable[[], AbstractContextManager[None]]
) -> Iterator[None]:
    """Tests run side by side, but for those marked ``alone``: they wait for the others, and let none begin."""
    if request.node.get_closest_marker("alone"):
        with exclusive():
            yield
    else:
        with (shared_folder / ".room").open("a") as handle:
            with locked(shared_folder / ".gate", fcntl.LOCK_EX):
                fcntl.flock(handle, fcntl.LOCK_SH)
            yield
