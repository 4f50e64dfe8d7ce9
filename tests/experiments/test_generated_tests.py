"""The studies on generated tests: figures worked by hand, and a pool made from rows of CodeT's form."""

import gzip
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from experiments.codet import cut
from experiments.generated_tests import pool, sequential, soft_reward
from experiments.generated_tests.pool import Judged, load

FIXTURE = Path(__file__).parent.parent / "datasets" / "fixtures" / "humaneval.jsonl"


def problem(samples: Sequence[int], passed: Sequence[bool], cells: list[list[bool | None]] | None = None) -> Judged:
    """One input, on which program u gives the text of u; program 0 crashes."""
    keys: list[list[str | None]] = [[str(u) if u else None] for u in range(len(passed))]
    return Judged("a", list(samples), list(passed), keys, keys, cells or [[] for _ in passed])


def test_a_completion_ends_where_codet_ends_it() -> None:
    assert cut("    return 1\n\nprint(f())") == "    return 1\n"
    assert cut("    return 1\n    # why\n") == "    return 1\n    # why\n"
    assert cut("\n#\nclass A") == ""


def test_clusters_and_when_the_largest_leads_for_sure() -> None:
    drawn = problem([1, 2, 2, 0, 2, 1, 0], [False, False, True])
    assert sequential.sizes(drawn, drawn.samples) == [(3, 2), (2, 1)]
    assert sequential.right(drawn, drawn.samples)
    assert not sequential.right(drawn, drawn.samples[:1])
    assert not sequential.right(drawn, [0, 0]), "nobody lives"
    # P(X >= 4 of 5) at one half is (5 + 1) / 32 = .1875
    assert sequential.separated([(4, 1), (1, 2)], 0.1876)
    assert not sequential.separated([(4, 1), (1, 2)], 0.1874)
    assert sequential.separated([(3, 1)], 0.125), "alone: P(X >= 3 of 3) = 1/8"
    assert not sequential.separated([], 0.5)


def test_sampling_stops_at_the_first_look_that_is_sure() -> None:
    clear = problem([1] * 100, [False, True])
    assert sequential.stopped(clear, clear.samples, 0.01, 100) == 8  # 2^-8 < .01
    even = problem([1, 2] * 50, [False, True, True])
    assert sequential.stopped(even, even.samples, 0.05, 100) == 100
    assert sequential.stopped(even, even.samples, 0.05, 32) == 32
    late = problem([1, 2] * 4 + [1] * 92, [False, True, False])
    # after 12: 8 against 4, P = .194; after 16: 12 against 4, P = .038
    assert sequential.stopped(late, late.samples, 0.05, 100) == 16


def test_rewards_of_a_group_by_hand() -> None:
    cells: list[list[bool | None]] = [[None, None], [True, True], [True, False]]
    drawn = problem([1, 1, 2, 0], [False, True, False], cells)
    (group,) = soft_reward.groups(drawn, 4, 2)
    # R: two of the three that live give 1, one gives 2; k q: 2 x 2 and 1 x 1
    assert group.consensus == pytest.approx([2 / 3, 2 / 3, 1 / 3, 0])
    assert soft_reward.REWARDS["k q x R"](group) == pytest.approx([8 / 3, 8 / 3, 1 / 3, 0])
    assert soft_reward.REWARDS["codet"](group) == [1, 1, 0, 0]
    assert soft_reward.correlation([1, 1, 0, 0], group.passed) == pytest.approx(1)
    assert soft_reward.correlation([1, 1, 1, 1], group.passed) == 0
    assert list(soft_reward.groups(problem([1, 1], [False, True], cells[:2]), 2, 2)) == [], "all are right"


def test_a_pool_is_run_judged_and_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = next(r for r in map(json.loads, FIXTURE.read_text().splitlines()) if r["entry_point"] == "shout")
    data = tmp_path / "humaneval.jsonl"
    data.write_text(json.dumps(row) + "\n")
    wrong, dead = "    return 'HEY!'\n", "    return undefined\n"
    written = {
        "programs": [row["canonical_solution"] + "\n\nprint(1)", wrong, wrong, dead],
        "tests": ["\n", "shout('ab') == 'AB!'\nassert shout('') == '!'", "shout('b') == 'HEY!'\nassert shout("],
    }
    for name, samples in written.items():
        with gzip.open(tmp_path / f"{name}.gz", "wt") as file:
            file.write(json.dumps({"prompt": row["prompt"], "samples": samples}) + "\n")
    words = [f"--{name}={tmp_path / name}.gz" for name in written]
    monkeypatch.setattr(sys, "argv", ["pool", *words, f"--humaneval={data}", f"--out={tmp_path}"])
    pool.main()
    (judged,) = load(tmp_path)
    assert judged.samples == [0, 1, 1, 2]
    assert judged.passed == [True, False, False]
    assert judged.cells == [[True, True, False], [False, False, True], [None, None, None]]
    assert [row[:2] for row in judged.tested] == [['"AB!"', '"!"'], ['"HEY!"', '"HEY!"'], [None, None]]
    before = (tmp_path / pool.NAME).read_bytes()
    pool.main()
    assert (tmp_path / pool.NAME).read_bytes() == before, "what is there is not run again"
