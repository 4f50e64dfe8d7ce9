"""Third-party packages: missing unless asked for, whole when asked for, and no others."""

import pytest

from conself.sandbox import IsolationError, Job, Limits, Outcome, Status, execute, isolation

PROGRAMS = (
    "import numpy as np\ndef f(x): return np.arange(x).sum().item(), np.linalg.norm([3.0, 4.0]).item()",
    "import numpy as np\ndef f(x): return np.random.rand()",
    "import numpy as np\ntable = np.zeros(1)\ndef f(x):\n table[0] += 1\n return table[0].item()",
    "import numpy as np\ndef f(x): return np.int64(x), np.float32(0.5), np.array([[1, 2], [3, x]]), [np.bool_(True)]",
    "import scipy\ndef f(x): return 1",
    "def f(x): return x",
)


def limits(*packages: str) -> Limits:
    return Limits(2.0, 10.0, 512, 64, 2, packages=packages)


def rows(*packages: str) -> list[tuple[Outcome, ...]]:
    (result,) = execute([Job("j", PROGRAMS, "f", ("(4,)", "(4,)"))], limits(*packages), 1)
    return result.rows


def test_missing_by_default() -> None:
    missing = (Outcome(Status.EXCEPTION, "ModuleNotFoundError"),) * 2
    assert rows() == [missing] * 5 + [(Outcome(Status.OK, "4"),) * 2]


def test_numpy_works_with_a_seed_and_without_leaks_and_brings_nothing_else() -> None:
    found = rows("numpy")
    assert found[0] == (Outcome(Status.OK, '{"t":[6,{"f":"5.0"}]}'),) * 2
    assert found[1][0].status is Status.OK
    assert found[1][0] == found[1][1]
    assert found[2] == (Outcome(Status.OK, '{"f":"1.0"}'),) * 2
    assert found[3] == (Outcome(Status.OK, '{"t":[4,{"f":"0.5"},[[1,2],[3,4]],[true]]}'),) * 2
    assert found[4] == (Outcome(Status.EXCEPTION, "ModuleNotFoundError"),) * 2
    assert found[5] == (Outcome(Status.OK, "4"),) * 2


def test_a_package_that_is_not_installed_is_named_before_anything_runs() -> None:
    with pytest.raises(IsolationError, match=r"sandbox\.packages: no_such_package cannot be imported"):
        list(execute([Job("j", PROGRAMS, "f", ("(1,)",))], limits("no_such_package"), 1))
    with pytest.raises(IsolationError, match="no_such_package"):
        isolation(limits("no_such_package"))


@pytest.mark.parametrize(("packages", "message"), [(("a.b",), "'a.b' must be the name"), ("numpy", "must be a list")])
def test_names_that_cannot_be_packages_are_refused(packages: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        execute([], Limits(1.0, 1.0, 64, 64, 1, packages=packages), 1)  # type: ignore[arg-type]
