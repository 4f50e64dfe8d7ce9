"""The part ``executor`` changes who works, and nothing else."""

from pathlib import Path

import pytest

from tests.e2e.conftest import IN_TURN, Job, train
from tests.e2e.test_train import figures


@pytest.mark.slow
def test_another_executor_gives_the_same_figures_under_the_same_keys(whole: Job, tmp_path: Path) -> None:
    """One of a test, without processes: to the stages it is one more ``_target_``, to the keys nothing."""
    other = train(tmp_path / "store", tmp_path / "run", IN_TURN, "tracking=none")
    assert figures(other.results) == figures(whole.results)
    assert other.results["artifacts"] == whole.results["artifacts"]


@pytest.mark.parametrize("module", ["train", "score", "evaluate"])
def test_an_old_word_is_one_line_that_names_the_new_one(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from importlib import import_module

    monkeypatch.setattr("sys.argv", [module, "tau=0.5", "runtime.workers=4"])
    with pytest.raises(SystemExit) as ended:
        import_module(f"conself.{module}").main()
    assert ended.value.code == 2
    said = "error: runtime.workers=4 is now executor.workers=4\n"
    assert capsys.readouterr() == (said, "")
