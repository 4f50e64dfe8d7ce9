"""Names, colours and line styles of labels in figures."""

from analysis.figures.figure import PALETTE
from analysis.figures.labels import colours, cut, lines, names

METRICS = ["curriculum_by_metric metric=nll", "curriculum_by_metric metric=crash_rate"]


def test_what_all_labels_say_is_said_once() -> None:
    found = names(METRICS)
    assert found.shared == "curriculum_by_metric metric"
    assert list(found.of.values()) == ["nll", "crash_rate"]


def test_labels_that_begin_differently_stay_whole() -> None:
    for labels in (["conself", "conself tau=1"], ["conself tau=1"], ["wo_cc", "wo_cw"], ["a", "a"]):
        assert names(labels).shared == ""
        assert names(labels).of == {label: label for label in labels}


def test_only_whole_words_are_shared() -> None:
    assert names(["conself tau=0.10", "conself tau=0.15"]).of == {
        "conself tau=0.10": "0.10",
        "conself tau=0.15": "0.15",
    }


def test_a_name_that_a_legend_would_leave_out_keeps_its_beginning() -> None:
    assert list(names(["conself a=_x", "conself a=y"]).of.values()) == ["conself a=_x", "conself a=y"]
    assert list(names(["conself a=", "conself a=y"]).of.values()) == ["conself a=", "conself a=y"]


def test_a_long_name_loses_its_middle() -> None:
    assert cut("a" * 60) == "a" * 60
    assert cut("b" * 50 + "c" * 50) == "b" * 29 + "…" + "c" * 30
    assert cut("two\nlines\u2028more") == "two lines more"


def test_names_that_differ_in_the_middle_alone_are_told_apart() -> None:
    labels = ["x" * 50 + "1" + "y" * 50, "x" * 50 + "2" + "y" * 50]
    found = list(names(labels).of.values())
    assert found == ["1: " + "x" * 29 + "…" + "y" * 30, "2: " + "x" * 29 + "…" + "y" * 30]


def test_methods_keep_their_colour() -> None:
    labels = ["wo_cc", "conself", "self_sft"]
    together = colours(labels)
    assert list(together) == labels
    assert together["conself"] == colours(["conself"])["conself"] == PALETTE[0]
    assert len(set(together.values())) == 3
    assert len(set(colours(["a", "b", "conself"]).values())) == 3


def test_each_label_of_a_sweep_has_a_colour_of_its_own() -> None:
    taus = [f"conself tau={tau}" for tau in (1.0, 0.1, 0.2, 0.4, 0.6, 0.8)]
    found = colours([*taus, "wo_cc"])
    assert len(set(found.values())) == 7
    assert found["wo_cc"] == colours(["wo_cc"])["wo_cc"]
    bright = [sum(int(found[label][i : i + 2], 16) for i in (1, 3, 5)) for label in sorted(taus)]
    assert bright == sorted(bright)  # from dark to light with tau, however the command line was sorted
    assert len(set(colours(METRICS).values())) == 2


def test_neighbours_of_a_sweep_differ_in_style() -> None:
    assert len(set(lines(["conself", "conself tau=1", "conself tau=2"]).values())) == 3
    assert set(lines(["conself", "wo_cc"]).values()) == {"-"}
