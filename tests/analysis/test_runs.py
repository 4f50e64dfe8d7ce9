import re
from pathlib import Path

import pytest

from analysis.labels import differing, labelled, telling
from analysis.runs import Run, answers_at, artifact, by_label, read_json, read_runs, unfinished
from analysis.tables.config import listing
from tests.analysis.run_folders import write_hydra, write_run


def test_a_sweep_is_read_in_the_order_of_its_jobs_and_unfinished_ones_are_counted(tmp_path: Path) -> None:
    for number in (10, 2, 0):
        write_run(tmp_path / str(number), seed=number, pool=False)
    write_hydra(tmp_path / "3", {"seed": 3}, [], {})
    assert [run.folder.name for run in read_runs(tmp_path)] == ["0", "2", "10"]
    assert [path.name for path in unfinished(tmp_path)] == ["3"]


def test_a_run_folder_and_a_folder_of_sweeps_are_read_as_well(tmp_path: Path) -> None:
    write_run(tmp_path / "first" / "0", pool=False)
    write_run(tmp_path / "second" / "0", seed=1, pool=False)
    assert [run.name for run in read_runs(tmp_path)] == ["first/0", "second/0"]
    (run,) = read_runs(str(tmp_path / "second" / "0"))
    assert (run.method, run.seed, run.overrides["experiment"]) == ("conself", 1, "conself")
    assert run.backbone == "tiny"
    assert run.results["benchmarks"]["minipy"]["tuned"]["pass@1"] == 0.75


def test_artifacts_and_reports_are_not_searched_for_runs(tmp_path: Path) -> None:
    write_run(tmp_path / "0", pool=False)
    for place in ("0/artifacts/fit", "report"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "results.json").write_text("{}")
    assert len(read_runs(tmp_path)) == 1


def test_the_same_job_twice_is_no_second_seed(tmp_path: Path) -> None:
    write_run(tmp_path / "0", tuned="1100", pool=False)
    write_run(tmp_path / "1", tuned="1111", pool=False)
    (run,) = read_runs(tmp_path)
    assert run.folder.name == "1"


def test_labels_name_what_differs_within_a_method_and_leave_the_seed_out(tmp_path: Path) -> None:
    for number, (method, tau, seed) in enumerate([("wo_cw", 0.6, 0), ("conself", 0.3, 1), ("conself", 0.6, 0)]):
        settings = {"tau": tau, "executor": {"workers": number}, "runtime": {"workers": number}}
        words = [f"tau={tau}", f"executor.workers={number}", f"runtime.workers={number}"]  # the second: an old run's
        write_run(tmp_path / str(number), method, seed, words=words, config=settings, pool=False)
    write_run(tmp_path / "9", "conself", 0, words=["tau=0.3"], config={"tau": 0.3}, pool=False)
    found = by_label(read_runs(tmp_path))
    assert {label: [run.seed for run in runs] for label, runs in found.items()} == {
        "wo_cw": [0],
        "conself tau=0.3": [0, 1],
        "conself tau=0.6": [0],
    }


@pytest.mark.parametrize("group", ["pipeline/matched", "matched"])  # the second: an earlier run's
def test_a_group_is_named_by_its_choice_and_null_is_not_said(group: str, tmp_path: Path) -> None:
    matched = {"words": [f"{group}=conself"], "choices": {group: "conself"}, "config": {"matched": {"tau": 0.3}}}
    write_run(tmp_path / "0", "self_dpo", pool=False, config={"matched": None})
    write_run(tmp_path / "1", "self_dpo", pool=False, **matched)  # type: ignore[arg-type]
    assert list(by_label(read_runs(tmp_path))) == ["self_dpo", "self_dpo matched=conself"]


def test_what_changes_no_result_is_not_said(tmp_path: Path) -> None:
    """Neither now, nor in runs from when groups were called otherwise."""
    words = (["training/layout=pairs", "training/strategy=fsdp", "tracking=csv"], ["layout=shared", "logger=none"])
    for number, said in enumerate(words):
        choices = dict(word.split("=") for word in said)
        node = {"logger" if number else "tracking": {"mode": str(number)}}
        write_run(tmp_path / str(number), seed=number, words=said, choices=choices, config=node, pool=False)
    assert list(by_label(read_runs(tmp_path))) == ["conself"]


def test_models_are_told_apart(tmp_path: Path) -> None:
    for number, model in enumerate(("a", "b")):
        own = {"choices": {"model": model}, "words": [f"model={model}"], "config": {"model": {"name": model}}}
        write_run(tmp_path / str(number), pool=False, **own)  # type: ignore[arg-type]
    assert list(by_label(read_runs(tmp_path))) == ["conself model=a", "conself model=b"]


def test_a_model_of_the_hub_is_called_by_its_name(tmp_path: Path) -> None:
    words = ["model=hub", "model.name=Qwen/Qwen2.5-Coder-7B"]
    write_run(tmp_path, choices={"model": "hub"}, words=words, config={"model": {"name": words[1]}}, pool=False)
    assert read_runs(tmp_path)[0].backbone == "Qwen2.5-Coder-7B"


def test_artifacts_of_rounds(tmp_path: Path) -> None:
    write_run(tmp_path / "one", pool=False)
    write_run(tmp_path / "several", seed=1, pool=False, extra={"rounds": [{"pairs": 1}, {"pairs": 2}]})
    (tmp_path / "several" / "artifacts" / "round1").mkdir()
    one, several = read_runs(tmp_path)
    assert artifact(one, "fit") == tmp_path / "one" / "artifacts" / "fit"
    assert artifact(several, "fit") == tmp_path / "several" / "artifacts" / "round1" / "fit"
    assert artifact(several, "score/nll", 2) == tmp_path / "several" / "artifacts" / "round2" / "score" / "nll"
    assert (several.first, len(several.rounds)) == ({"pairs": 1}, 2)


def test_what_a_pool_was_scored_with_is_a_run_without_a_method(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text('{"metrics": {}}')
    (run,) = read_runs(tmp_path)
    assert (run.method, run.label, run.seed, run.metric, run.backbone) == ("", "scored", 0, "", "")


def test_nothing_to_read_is_said(tmp_path: Path) -> None:
    write_hydra(tmp_path / "0", {"seed": 3}, [], {})
    with pytest.raises(FileNotFoundError, match=r"no finished run .* \(1 unfinished\)"):
        read_runs(tmp_path)


@pytest.mark.parametrize(
    ("name", "text", "cause"),
    [
        ("results.json", "{", "is not JSON"),
        ("results.json", "[1, 2]", "is not an object (its content is of type list)"),
        ("results.json", "7", "is not an object (its content is of type int)"),
        ("config.yaml", "a: [", "is not YAML"),
        ("config.yaml", "[1]", "is not an object (its content is of type list)"),
        ("config.yaml", "seed: abc", "seed is 'abc', which is no whole number"),
        (".hydra/overrides.yaml", "a: 1", "is not a list (its content is of type dict)"),
    ],
)
def test_a_broken_file_is_named_with_its_remedy(tmp_path: Path, name: str, text: str, cause: str) -> None:
    write_run(tmp_path, pool=False)
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"(?s)^{re.escape(str(path))} .*remove {path.parent}, and give") as caught:
        read_runs(tmp_path)
    assert cause in str(caught.value)


def test_an_artifact_that_is_broken_is_named_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "steps.json").write_text('[{"loss": 1')
    (tmp_path / "fit").symlink_to("store")
    with pytest.raises(ValueError, match=rf"^{tmp_path}/store/steps.json is not JSON .* remove {tmp_path}/store, and"):
        read_json(tmp_path / "fit" / "steps.json", list)


def test_what_a_run_of_several_rounds_cost_is_of_all_of_them(tmp_path: Path) -> None:
    rounds = [
        {"problems": {"kept": kept}, "pairs": pairs, "training": {"steps": 2}, "golden_rate": rate}
        for kept, pairs, rate in ((5, 30, 0.9), (2, 10, 0.5))
    ]
    write_run(tmp_path / "0", pool=False, extra={**rounds[-1], "rounds": rounds})
    table = listing(read_runs(tmp_path))
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert [row[name] for name in ("problems kept", "pairs", "steps")] == [7, 40, 4]
    assert row["golden rate"] == pytest.approx(0.8)
    assert table.notes[0] == "Problems kept, pairs, steps and golden rate are of all rounds together."


def test_the_metric_that_drives_a_curriculum(tmp_path: Path) -> None:
    nodes = {
        "metric": {"_target_": "m.nll", "x": 1},
        "metrics": {"cse": {"_target_": "m.e"}, "nll2": {"_target_": "m.nll", "x": 1}},
    }
    write_run(tmp_path / "chosen", choices={"metric": "nll"}, pool=False)
    write_run(tmp_path / "labelled", seed=1, config=nodes, pool=False)
    write_run(tmp_path / "target", seed=2, config={"metric": {"_target_": "conself.metrics.nll.mean_nll"}}, pool=False)
    assert [run.metric for run in read_runs(tmp_path)] == ["nll", "nll2", "mean_nll"]


def test_differences_are_of_what_can_change_a_result() -> None:
    one = {"tau": 0.3, "seed": 1, "sampler": {"seed": 1, "runtime": {"batch": 2}}, "dataset": {"seed": 0}, "empty": {}}
    assert telling(one) == {"tau": "0.3", "dataset.seed": "0", "empty": "{}"}
    assert differing([{"a": "1", "b": "2"}, {"a": "1", "b": "3"}]) == ["b"]
    assert labelled("conself", {"tau": "0.3", "matched": "null"}) == "conself tau=0.3"


def test_a_run_that_goes_by_labels_is_called_so_in_every_table(tmp_path: Path) -> None:
    write_run(tmp_path / "0", seed=0, extra={"labels": "pools"})
    write_run(tmp_path / "1", seed=1)
    assert sorted(run.label for run in read_runs(tmp_path)) == ["conself", "conself labels=pools"]


@pytest.mark.parametrize(("best", "place"), [(None, "round3"), (2, "round2"), (0, "round1")])
def test_of_rounds_that_were_compared_the_answers_are_those_of_the_best(
    best: int | None, place: str, tmp_path: Path
) -> None:
    (tmp_path / "artifacts" / "round1").mkdir(parents=True)
    results = {"rounds": [{}, {}, {}]} | ({} if best is None else {"best_round": best})
    run = Run(tmp_path, {}, {}, results, {}, "ucoder", 0)
    side = "tuned" if best != 0 else "base"  # no round was better than the model as it was given
    assert answers_at(run, "humaneval", "tuned") == tmp_path / "artifacts" / place / "evaluate" / "humaneval" / side
    assert answers_at(run, "humaneval", "base") == artifact(run, "evaluate/humaneval/base")
