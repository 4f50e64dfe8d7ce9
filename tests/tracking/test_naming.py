"""Names, groups and tags."""

from pathlib import Path

import hydra
import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from conself.app.job import folders_below_sweep
from conself.tracking.naming import group, round_prefix, run_name, tags


@pytest.mark.parametrize(
    ("overrides", "name"),
    [
        ([], "defaults"),
        (["experiment=wo_cw", "seed=1"], "experiment=wo_cw seed=1"),
        (["artifacts=/disk", "tracking=csv", "tracking.mode=online"], "defaults"),
        (["executor.workers=4", "executor=local"], "defaults"),
        (["training/layout=pairs", "pipeline/matched=conself"], "training/layout=pairs pipeline/matched=conself"),
        (
            ["engine.runtime.batch_size=4", "+metric@metrics.x=nll", "~metrics.nll"],
            "metric@metrics.x=nll ~metrics.nll",
        ),
        (["model.name=a/runtime.b"], "model.name=a/runtime.b"),
    ],
)
def test_a_run_is_named_by_what_can_change_results(overrides: list[str], name: str) -> None:
    assert run_name(overrides) == name


def test_a_long_name_is_cut_to_what_wandb_takes() -> None:
    assert run_name(["a=" + "x" * 200]) == "a=" + "x" * 125 + "…"


def test_jobs_of_a_sweep_share_a_group() -> None:
    folder = Path("multirun/2026-01-02_03-04-05/3")
    assert group(folder, in_sweep=True) == "2026-01-02_03-04-05"
    assert group(Path("runs/2026-01-02_03-04-05"), in_sweep=False) == "2026-01-02_03-04-05"


@pytest.mark.parametrize("subdir", ["7", "${hydra.job.override_dirname}", "${hydra.job.num}/b", "x/${hydra.job.num}/b"])
def test_a_sweep_is_one_group_whatever_its_folders_are_called(
    subdir: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hydra itself makes the jobs' folders, from values with a slash in them."""
    seen = []

    @hydra.main(version_base="1.3", config_path=str(tmp_path))
    def job(_: DictConfig) -> None:
        seen.append(group(Path(HydraConfig.get().runtime.output_dir), in_sweep=folders_below_sweep()))

    sweep = [f"hydra.sweep.dir={tmp_path}/the_sweep", f"hydra.sweep.subdir={subdir}", "hydra/job_logging=none"]
    monkeypatch.setattr("sys.argv", ["job", "-m", "+model=a/b,c/d", *sweep, "hydra/hydra_logging=none"])
    job()
    assert seen == ["the_sweep"] * 2


def test_tags_are_method_and_benchmarks_as_far_as_there_are_any() -> None:
    assert tags(OmegaConf.create({"method": "pfpo", "benchmark": {"humaneval": {}, "mbpp": {}}})) == [
        *("pfpo", "humaneval", "mbpp")
    ]
    assert tags(OmegaConf.create({"method": None, "benchmark": {}})) == []
    assert tags(OmegaConf.create({"method": "x" * 70})) == ["x" * 64]


def test_the_first_round_is_called_as_a_single_one() -> None:
    assert [round_prefix(number) for number in (1, 2, 3)] == ["", "round2/", "round3/"]
