"""From results.json to flat numbers and tables."""

from collections.abc import Mapping, Sequence

from conself.tracking import Cell, flat, record
from conself.tracking.figures import TABLES
from conself.tracking.no_tracker import NoTracker
from tests.tracking.jobs import figures


class Notebook(NoTracker):
    """Keeps what it is given."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}
        self.tables: dict[str, tuple[Sequence[str], Sequence[Sequence[Cell]]]] = {}

    def summarise(self, figures: Mapping[str, float]) -> None:
        self.figures |= figures

    def tabulate(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
        self.tables[name] = (columns, rows)


def test_flat_by_hand() -> None:
    assert flat(
        {
            "pairs": 3,
            "stopped": None,
            "reused": True,
            "method": "conself",
            "entropy_range": [0.0, 1.5],
            "metrics": {"nll": {"auc": 0.75, "pearson": (0.5, 0.125), "kendall": None}},
            "benchmarks": {"b": {"pass@k": {"15": {"value": 0.5, "ci95": [0.25, 0.75]}}}},
            "golden_by_tau": {"nll": [{"tau": 0.1, "golden": 2}]},
            "rounds": [{"pairs": 1}, {"metrics": {"nll": {"auc": 0.5}}}],
        }
    ) == {
        "pairs": 3,
        "entropy_range/low": 0.0,
        "entropy_range/high": 1.5,
        "metrics/nll/auc": 0.75,
        "metrics/nll/pearson": 0.5,
        "metrics/nll/pearson_p": 0.125,
        "benchmarks/b/pass@k/15/value": 0.5,
        "benchmarks/b/pass@k/15/ci95/low": 0.25,
        "benchmarks/b/pass@k/15/ci95/high": 0.75,
        "round1/pairs": 1,
        "round2/metrics/nll/auc": 0.5,
    }


def test_a_number_of_rounds_is_no_list_of_rounds() -> None:
    assert flat({"rounds": 3}) == {"rounds": 3}


def test_every_row_has_a_cell_per_column() -> None:
    found = Notebook()
    golden = {"tau": 0.1, "problems": 4, "pairs": 6, "golden": 3, "golden_rate": 0.5}
    record(found, {**figures(0.75), "golden_by_tau": {"nll": [golden]}})
    assert set(found.tables) == {f"tables/{name}" for name in TABLES if name not in ("sampled", "written_tests")}
    for columns, rows in found.tables.values():
        assert rows
        assert {len(row) for row in rows} == {len(columns)}
    assert found.tables["tables/golden_by_tau"][1] == [["nll", 0.1, 4, 6, 3, 0.5]]
    assert found.tables["tables/selectors"][1] == [["consensus", 0.75, 8]]
    assert found.tables["tables/problems"][1] == [
        *(["total", 10], ["eligible", 8], ["kept", 5]),
        *(["dropped: above tau", 3], ["dropped: crashed", 2]),
    ]


def test_before_and_after_training() -> None:
    found = Notebook()
    record(found, figures(0.75))
    _, rows = found.tables["tables/benchmarks"]
    assert rows == [
        ["minipy", "base", 8, 0.25, 0.125, 0.5, None, None, None, None],
        ["minipy", "tuned", 8, 0.5, 0.125, 0.5, 1.0, 2, 0, 0.5],
    ]


def test_what_sampled_answers_reach() -> None:
    found, job = Notebook(), figures(0.75)
    point = {"value": 0.5, "ci95": [0.25, 0.75]}
    job["benchmarks"]["minipy"]["tuned"] |= {"pass@k": {"15": point}, "consensus@k": {"15": {**point, "value": 0.375}}}
    record(found, job)
    columns, rows = found.tables["tables/sampled"]
    assert rows == [
        ["minipy", "tuned", "pass@k", 15, 0.5, 0.25, 0.75],
        ["minipy", "tuned", "consensus@k", 15, 0.375, 0.25, 0.75],
    ]
    assert len(columns) == 7
    assert found.figures["benchmarks/minipy/tuned/consensus@k/15/value"] == 0.375


def test_an_evaluation_alone_and_against_another_model() -> None:
    """conself.evaluate has the asked-for model itself under the benchmark's name, and maybe ``versus``."""
    side = {"pass@1": 0.5, "n": 8, "ci95": [0.25, 0.75]}
    compared = {"relative_improvement": -0.5, "fixed": 0, "broken": 4, "p": 0.25}
    found = Notebook()
    record(found, {"benchmarks": {"a": side, "b": {**side, "versus": {**side, "pass@1": 1.0, **compared}}}})
    _, rows = found.tables["tables/benchmarks"]
    assert rows == [
        ["a", "model", 8, 0.5, 0.25, 0.75, None, None, None, None],
        ["b", "versus", 8, 1.0, 0.25, 0.75, None, None, None, None],
        ["b", "model", 8, 0.5, 0.25, 0.75, -0.5, 0, 4, 0.25],
    ]


def test_a_benchmark_with_written_tests_alone_has_no_row_of_answers() -> None:
    found = Notebook()
    tests = {"accuracy": 0.25, "unparsable": 0.125, "mutation_score": None, "n_replies": 8}
    record(found, {"benchmarks": {"a": {"written_tests": tests}}})
    assert {name: rows for name, (_, rows) in found.tables.items()} == {
        "tables/written_tests": [["a", "model", 8, 0.25, 0.125, None]]
    }


def test_tests_before_and_after_training_have_a_row_each() -> None:
    found, job = Notebook(), figures(0.75)
    tests = {"accuracy": 0.25, "unparsable": 0.125, "mutation_score": 0.5, "n_replies": 8}
    job["benchmarks"]["minipy"]["written_tests"] = {"base": tests, "tuned": {**tests, "accuracy": 0.5}}
    record(found, job)
    assert found.tables["tables/written_tests"][1] == [
        ["minipy", "base", 8, 0.25, 0.125, 0.5],
        ["minipy", "tuned", 8, 0.5, 0.125, 0.5],
    ]


def test_each_round_has_its_own_tables() -> None:
    found = Notebook()
    record(found, {**figures(0.75), "rounds": [figures(0.5), figures(0.25)]})
    assert {name: rows[0][2] for name, (_, rows) in found.tables.items() if name.endswith("tables/metrics")} == {
        "tables/metrics": 0.75,
        "round1/tables/metrics": 0.5,
        "round2/tables/metrics": 0.25,
    }
    assert found.figures["round2/metrics/nll/auc"] == 0.25


def test_what_a_kind_of_job_lacks_is_left_out() -> None:
    found = Notebook()
    record(found, {"seconds": {"score": 1.5}, "metrics": {}})
    assert (found.figures, found.tables) == ({"seconds/score": 1.5}, {})
