"""Every loss is counted, and named with what would change it."""

from conself.results.shortfalls import with_remedies


def test_each_loss_names_the_setting_of_its_own_stage() -> None:
    counts = {
        "missing_modules": 3,
        "modules": {"numpy": 1, "scipy": 2},
        "recursion_errors": 1,
        "cut_outputs": 1,
        "unreadable": 1,
        "long_iterators": 1,
    }
    lost = {"execute": counts, "round2/evaluate/mbpp/base": counts | {"unanswered": 1, "malformed": 1, "unmatched": 2}}
    found = with_remedies(lost)
    assert found["losses"] == lost
    trained, judged = found["remedies"].values()
    assert list(found["remedies"]) == list(lost)
    assert trained["missing_modules"] == (
        "programs lack a module (scipy 2, numpy 1): grant it by sandbox.packages=[scipy,numpy] where it is installed"
    )
    assert "raise sandbox.output_kb" in trained["cut_outputs"]
    assert "sys.setrecursionlimit" in trained["recursion_errors"]
    assert "docs/equality.md" in trained["unreadable"]
    assert "docs/equality.md" in trained["long_iterators"]
    assert "raise judging.output_kb" in judged["cut_outputs"]
    assert "recorded.strict=true" in judged["malformed"]
    assert "benchmark=" in judged["unmatched"]
    assert set(judged) == {*trained, "unanswered", "malformed", "unmatched"}


def test_what_is_left_out_has_its_words_and_nothing_lost_has_none() -> None:
    lost = {"problems": {"left_out": {"malformed record": 2}}}
    assert "strict=true" in with_remedies(lost)["remedies"]["problems"]["left_out"]
    assert with_remedies({}) == {"losses": {}, "remedies": {}}
