from collections.abc import Callable
from typing import Any

import pytest

from conself.sandbox import Job, Limits, Outcome, execute

Rows = list[tuple[Outcome, ...]]
LIMITS: dict[str, Any] = {"cpu_seconds": 0.5, "wall_seconds": 3.0, "memory_mb": 512, "output_kb": 64, "max_timeouts": 2}


@pytest.fixture(scope="session")
def run() -> Callable[..., Rows]:
    """Run programs on inputs as one job and give its rows; limits can be overridden by keyword."""

    def run_job(programs: list[str | None], inputs: list[str], entry_point: str | None = "f", **limits: Any) -> Rows:
        job = Job("job", tuple(programs), entry_point, tuple(inputs))
        (result,) = execute([job], Limits(**{**LIMITS, **limits}), 1)
        assert result.job is job
        return result.rows

    return run_job
