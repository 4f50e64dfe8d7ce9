"""The report as files: what it says, what it escapes, how large it gets, when it is made again."""

import base64
import gzip
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from analysis.pages import html
from analysis.pages.files import PART_PROBLEMS, Parts, as_json, packed
from analysis.pages.html import inline_svg, json_script
from analysis.pages.pools import pools_of
from analysis.pages.problem import MOST_BYTES, Choice, Known, index_row, problem_page
from analysis.pages.stream import Shards
from analysis.pages.values import cut, shown, visible
from analysis.request import Request, parse
from analysis.runs import read_runs
from analysis.write_report import make_report
from conself.agreement.traces import agreement_of
from conself.records import Candidate, Outcome, Pool, Problem, Status, Trace
from conself.sandbox.canonical import canonical
from tests.analysis.report_runs import HOSTILE, K, make_pool, make_run, make_sweep

QUIET = Console(quiet=True)


def unpacked(path: Path) -> Any:
    match = re.fullmatch(r'conselfData\("([a-z0-9-]+)","([A-Za-z0-9+/=]*)"\);\n', path.read_text(encoding="ascii"))
    assert match, path
    assert match[1] == path.stem
    return json.loads(gzip.decompress(base64.b64decode(match[2])))


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_sweep(tmp_path_factory.mktemp("sweep"))


@pytest.fixture(scope="module")
def report(sweep: Path) -> Path:
    return make_report(Request(sweep, sweep / "report"), QUIET).parent


# Values


@pytest.mark.parametrize(
    "value", [None, True, -3, 1.5, "a'b\n", [1, [2.0, None]], (1,), (), {"a": [1, (2, 3)]}, {1, 2}, 1j, b"ab", {}]
)
def test_values_read_as_the_literals_they_came_from(value: object) -> None:
    assert eval(shown(canonical(value), is_stdout=False)) == value


def test_printed_text_is_shown_as_it_was_printed_and_other_text_as_recorded() -> None:
    assert shown('"3\\n4"', is_stdout=True) == "3\n4"
    assert shown('"3\\n4"', is_stdout=False) == r"'3\n4'"
    assert shown('{"i":"-1f"}', is_stdout=False) == "-0x1f"
    assert shown('{"x":["deque",[1]]}', is_stdout=False) == "deque([1])"
    assert shown('{"x":["Ellipsis",null]}', is_stdout=False) == "Ellipsis()"
    node = '{"O":["Node",null,"next",{"O":["L",[1]]},"val",{"o":"function"}]}'
    assert shown(node, is_stdout=False) == "Node(next=L([1]), val=<function object>)"
    assert shown('{"O":["Node"]}', is_stdout=False) == '{"O":["Node"]}'
    assert shown('{"zz":1}', is_stdout=False) == '{"zz":1}'
    assert shown("[" * 5000 + '"' + "]" * 5000, is_stdout=False).startswith("[[")


@given(st.text())
def test_any_recorded_text_can_be_shown(text: str) -> None:
    assert isinstance(shown(text, is_stdout=True), str)


def test_a_cut_text_says_how_long_it_was() -> None:
    assert cut("abc", 3) == "abc"
    assert cut("abcd", 3) == ["abc", 4]


# Nothing of a candidate ends a script


@given(st.text(), st.text())
def test_data_for_scripts_hold_no_mark_that_could_end_them(first: str, second: str) -> None:
    text = str(json_script({"a": first + HOSTILE, "b": [second]}))
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == {"a": visible(first) + HOSTILE, "b": [visible(second)]}
    assert re.fullmatch(r'conselfData\("x","[A-Za-z0-9+/=]*"\);\n', packed("x", as_json(first)))


def test_controls_of_writing_direction_are_seen(tmp_path: Path) -> None:
    controls = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    assert visible(f"a{controls}b") == "a" + "".join(f"\\u{ord(c):04x}" for c in controls) + "b"
    assert visible("שלום, עולם \u200d 👩\u200d🔬 \\u202e") == "שלום, עולם \u200d 👩\u200d🔬 \\u202e"
    content = {"a": f'\\{controls}"', controls: [controls]}
    assert json.loads(as_json(content)) == {"a": f'\\{visible(controls)}"', visible(controls): [visible(controls)]}
    assert json.loads(str(json_script(content))) == json.loads(as_json(content))
    assert str(inline_svg("<svg><text>\u202ea</text></svg>", "f")) == r"<svg><text>\u202ea</text></svg>"
    make_run(tmp_path / "0", make_pool(tmp_path / "store", 1, 3), "\u202emethod", 1, 0.5)
    text = make_report(Request(tmp_path / "0", tmp_path / "out"), QUIET).read_text(encoding="utf-8")
    assert "\\u202emethod" in text
    assert not set(controls) & set(text)


def test_ids_of_a_figure_are_its_own() -> None:
    svg = '<?xml version="1.0"?><!DOCTYPE svg><svg><g id="a"/><use href="#a" clip-path="url(#a)"/></svg>'
    assert str(inline_svg(svg, "f")).count("f-a") == 3
    with pytest.raises(ValueError, match="figure f is no SVG"):
        inline_svg("<html>", "f")


# One problem


def pool_of(rows: list[list[Outcome]], statement: str = "Add.") -> Pool:
    problem = Problem("p", statement, "", "f", tuple(f"({i},)" for i in range(len(rows[0]))), "hand", "")
    candidates = [Candidate("p", i, None, f"t{i}", f"c{i}", "stop", None, None, None, 1) for i in range(len(rows))]
    return Pool(problem, candidates, [Trace("p", i, tuple(row)) for i, row in enumerate(rows)])


A, B, GONE = Outcome(Status.OK, "1"), Outcome(Status.OK, "2"), Outcome(Status.TIMEOUT, "")
ROWS = [[A, B], [A, A], [GONE, GONE], [A, A], [B, GONE]]
KEYS = [["1", "2"], ["1", "1"], [None, None], ["1", "1"], ["2", None]]


def test_a_problem_shows_one_program_per_cluster_and_outputs_by_how_many_gave_them() -> None:
    known = Known({"h": 1.04, "nll": "no log-probs"}, (False, True, False, True, False), [Choice(None, 0.5, [(1, 4)])])
    page = json.loads(problem_page(pool_of(ROWS), agreement_of(KEYS), known))
    # scores: R(1) = R(3) = (3/4 + 2/3)/2 is highest, so 1 wins; clusters {1,3}, {0}, {4}; 2 crashed
    assert page["winner"] == 1
    assert [column["members"] for column in page["columns"]] == [[1, 3], [0], [4], [2]]
    assert [column["code"] for column in page["columns"]] == ["c1", "c0", "c4", "c2"]
    # input 0: "1" thrice, "2" once; input 1: "1" twice, "2" once, a crash
    assert [column["groups"] for column in page["columns"]] == [[0, 0], [0, 1], [1, -1], [-1, -1]]
    assert [page["values"][cell] for cell in page["columns"][2]["cells"]] == [["2"], ["timeout", "timeout"]]
    assert page["metrics"] == [1.04, "no log-probs"]
    assert page["choices"] == [{"reason": None, "normalised": 0.5, "pairs": [[1, 4]]}]
    row = index_row(pool_of(ROWS), agreement_of(KEYS), known)
    assert (row["clusters"], row["alive"], row["right"], row["rate"]) == (3, 4, 1, 0.4)
    assert (row["metrics"], row["kept"], row["pairs"]) == ([1.04, None], [None], [1])


def test_a_problem_without_oracle_says_nothing_of_right_and_wrong() -> None:
    known = Known({}, None, [])
    assert json.loads(problem_page(pool_of(ROWS), agreement_of(KEYS), known))["passed"] is None
    assert index_row(pool_of(ROWS), agreement_of(KEYS), known)["rate"] is None


def test_a_huge_problem_is_cut_to_the_size_of_a_page() -> None:
    rows = [[Outcome(Status.OK, json.dumps(f"{i},{j}" * 20_000)) for j in range(30)] for i in range(15)]
    page = problem_page(pool_of(rows, "x" * 10**6), agreement_of([["a"] * 30] * 15), Known({}, None, []))
    assert len(page) <= MOST_BYTES
    assert json.loads(page)["statement"][1] == 10**6


def test_parts_are_bounded_by_problems_and_by_bytes(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    places = [parts.add(b"1") for _ in range(PART_PROBLEMS + 1)] + [parts.add(b'"%s"' % (b"x" * 999_999))]
    parts.close()
    assert places[PART_PROBLEMS - 1 :] == [(0, PART_PROBLEMS - 1), (1, 0), (2, 0)]
    assert unpacked(tmp_path / "problems-0.js") == [1] * PART_PROBLEMS
    assert parts.count == 3


def test_shards_are_read_when_they_are_needed_and_forgotten(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"x-{number}.parquet").touch()
    read: list[str] = []

    def reader(path: Path) -> dict[str, int]:
        read.append(path.stem)
        return {f"{path.stem}/{i}": i for i in range(2)}

    shards = Shards(tmp_path, "x", reader)
    assert [shards.take(f"x-{n}/{i}") for n, i in ((0, 1), (0, 0), (1, 0))] == [1, 0, 0]
    assert read == ["x-0", "x-1"]
    with pytest.raises(ValueError, match="has nothing of problem 'y'; run the job that made it again"):
        shards.take("y")


# The whole report


def test_the_report_stands_alone(report: Path) -> None:
    for page in [report / "report.html", *report.glob("problems/*/index.html")]:
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"""(src|href)=["']?(https?:)?//|@import|<link[^>]*stylesheet|fetch\(|XMLHttp""", text)
        assert "default-src &#39;none&#39;" in text
        assert len(text.encode()) < 2_000_000


def test_links_lead_to_files_that_are_there(report: Path) -> None:
    text = re.sub(r"<svg.*?</svg>", "", (report / "report.html").read_text(encoding="utf-8"), flags=re.DOTALL)
    links = set(re.findall(r'href="([^"#]+)"', text)) - {"data:,"}
    assert {"problems/100000000000/index.html", "problems/200000000000/index.html"} <= links
    assert [link for link in links if not (report / link).is_file()] == []


def test_runs_that_share_a_pool_share_its_pages(report: Path) -> None:
    folders = sorted((report / "problems").iterdir())
    assert [folder.name for folder in folders] == ["100000000000", "200000000000"]
    page = (folders[0] / "index.html").read_text(encoding="utf-8")
    meta = json.loads(re.findall(r'id="meta">(.*?)</script>', page)[0])
    assert [taken["name"] for taken in meta["taken"]] == ["conself", "self_dpo"]
    assert meta["metrics"] == ["entropy", "nll"]
    assert [pool["name"] for pool in meta["pools"]] == ["seed 1", "seed 2"]


def test_every_problem_is_in_the_index_and_where_it_says(report: Path) -> None:
    data = report / "problems" / "100000000000" / "data"
    index = unpacked(data / "index-0.js")
    assert len(index["id"]) == 8
    for problem, part, place in zip(index["id"], index["part"], index["place"], strict=True):
        assert unpacked(data / f"problems-{part}.js")[place]["id"] == problem
    assert index["kept"][0] == ["certain", None]
    assert index["metrics"][7] == [None, None]
    first = unpacked(data / "problems-0.js")[0]
    assert first["statement"] == HOSTILE
    assert len(first["scores"]) == K


def test_a_hostile_label_is_escaped(tmp_path: Path) -> None:
    pool = make_pool(tmp_path / "store", 1, 3)
    for job, method in enumerate((HOSTILE, "b")):
        make_run(tmp_path / "runs" / str(job), pool, method, 1, 0.5)
    text = make_report(Request(tmp_path / "runs", tmp_path / "out"), QUIET).read_text(encoding="utf-8")
    assert "onerror=&#34;" in text
    assert "<img" not in text
    assert text.count("<script>") == 1


def test_pages_are_made_again_only_when_something_changed(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, 3)
    request = Request(sweep, tmp_path / "out")
    make_report(request, QUIET)
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("problems/*/data/*.js")}
    make_report(request, QUIET)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("problems/*/data/*.js")} == stamps
    for job in ("2", "3"):
        (sweep / job / "results.json").unlink()  # the second pool has no finished run any more
    make_report(request, QUIET)
    assert [folder.name for folder in (tmp_path / "out" / "problems").iterdir()] == ["100000000000"]


@pytest.mark.parametrize("changed", ["pages/problem.py", "static/problem.js", "templates/problems.html"])
def test_pages_are_made_again_by_other_code(changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = Path(shutil.copytree(html.HERE, tmp_path / "analysis"))
    before = html.own_files.__wrapped__()
    monkeypatch.setattr(html, "HERE", copy)
    assert html.own_files.__wrapped__() == before
    with (copy / changed).open("a") as file:
        file.write("\n")
    assert html.own_files.__wrapped__() != before


def test_each_round_has_a_pool_of_its_own(tmp_path: Path) -> None:
    rounds = {f"round{r}": make_pool(tmp_path / f"store{r}", r, 3) for r in (1, 2)}
    links = {f"{r}/{name}": path for r, pool in rounds.items() for name, path in pool.items()}
    make_run(tmp_path / "runs" / "0", links, "conself", 7, 0.5)
    path = tmp_path / "runs" / "0" / "results.json"
    figures = json.loads(path.read_text())
    path.write_text(json.dumps(figures | {"rounds": [figures, figures], "n_rounds": 2}))
    assert [pool.name for pool in pools_of(read_runs(tmp_path / "runs"))] == ["seed 7, round 1", "seed 7, round 2"]


# The command


def test_words_of_the_command_line(tmp_path: Path) -> None:
    assert parse([f"runs={tmp_path}"]) == Request(tmp_path, tmp_path / "report")
    assert parse(["out=x", f"runs={tmp_path}"]) == Request(tmp_path, Path("x"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "runs= is missing"),
        (["multirun"], "'multirun' is none of runs=DIR, out=DIR and parts=NAME,NAME"),
        (["runs="], "'runs=' is none of"),
        (["seed=1"], "'seed=1' is none of"),
        (["out=a", "out=b"], "out= is given twice"),
        (["runs=/nowhere/at/all"], "runs=/nowhere/at/all is no folder"),
    ],
)
def test_wrong_words_are_told_with_what_would_be_right(words: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        parse(words)


def test_unfinished_runs_are_told_and_left_out(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no finished run below"):
        make_report(Request(tmp_path, tmp_path / "out"), QUIET)
    make_run(tmp_path / "0", make_pool(tmp_path / "store", 1, 3), "conself", 1, 0.5)
    (tmp_path / "1" / ".hydra").mkdir(parents=True)
    (tmp_path / "1" / ".hydra" / "config.yaml").touch()
    text = make_report(Request(tmp_path, tmp_path / "out"), QUIET).read_text(encoding="utf-8")
    assert "1 unfinished left out (1); run them again to have them here" in text


def test_a_run_whose_artifacts_are_gone_has_a_report_without_pages(tmp_path: Path) -> None:
    make_run(tmp_path / "0", {}, "conself", 1, 0.5)
    text = make_report(Request(tmp_path, tmp_path / "out"), QUIET).read_text(encoding="utf-8")
    assert "the artifacts are not where the run left them" in text


def test_a_run_that_never_drew_a_pool_does_not_miss_one(tmp_path: Path) -> None:
    """As reinforcement of all problems, which looks at none before."""
    make_run(tmp_path / "0", {}, "zerocoder", 1, 0.5)
    path = tmp_path / "0" / "results.json"
    for artifacts, misses in (({"problems": "a", "reinforce": "b"}, False), ({"problems": "a", "sample": "b"}, True)):
        path.write_text(json.dumps({**json.loads(path.read_text()), "artifacts": artifacts}))
        text = make_report(Request(tmp_path, tmp_path / "out"), QUIET).read_text(encoding="utf-8")
        assert ("no pages of problems for" in text) == misses
