"""The report in a real browser, opened from files, offline: what a reader does, and that nothing goes wrong meanwhile.

Needs Playwright's Python package and a Chromium: the system's (``chromium`` on Debian), or the one that
``playwright install chromium-headless-shell`` downloads.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from analysis.request import Request
from analysis.write_report import make_report
from tests.analysis.report_runs import HOSTILE, make_sweep

playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright to test the report in a browser")
PROBLEMS = 120


def chromium(engine: Any) -> str:
    """The browser to start: the system's, else Playwright's own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), engine.chromium.executable_path)
    if not Path(found).is_file():
        pytest.skip("no Chromium: apt-get install chromium, or playwright install chromium-headless-shell")
    return str(found)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sweep = make_sweep(tmp_path_factory.mktemp("browser"), PROBLEMS)
    return make_report(Request(sweep, sweep / "report"), Console(quiet=True)).parent


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as engine:
        sandbox = os.geteuid() != 0  # Chromium has none for root
        started = engine.chromium.launch(executable_path=chromium(engine), chromium_sandbox=sandbox)
        yield started
        started.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that must come to its end without an error, a warning, a failed request or any request but for files."""
    context = browser.new_context(offline=True)
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("console", lambda message: wrong.append(f"console: {message.text}"))
    opened.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    opened.on("requestfailed", lambda request: wrong.append(f"failed: {request.url}"))
    opened.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else wrong.append(f"request: {r.url}"))
    opened.on("dialog", lambda dialog: wrong.append(f"dialog: {dialog.message}"))
    yield opened
    assert opened.evaluate("window.hacked") is None
    context.close()
    assert wrong == []


def column(page: Any, table: str, number: int) -> list[str]:
    return [text.strip() for text in page.locator(f"{table} tbody tr td:nth-child({number})").all_inner_texts()]


def open_index(page: Any, report: Path, state: str = "") -> None:
    page.goto(f"{(report / 'problems' / '100000000000' / 'index.html').as_uri()}{state}")
    page.wait_for_selector("#index tbody tr, #outputs", state="visible")


def test_a_table_sorts_by_its_numbers_and_back(page: Any, report: Path) -> None:
    page.goto((report / "report.html").as_uri())
    before = column(page, "#headline", 1)
    button = page.locator("#headline th button", has_text="Tuned")
    head = page.locator("#headline th", has_text="Tuned")
    button.click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(page, "#headline", 1) == ["self_dpo", "conself"]  # 36.5 % and 51.5 %
    button.press("Enter")  # by keyboard
    assert head.get_attribute("aria-sort") == "descending"
    assert column(page, "#headline", 1) == ["conself", "self_dpo"]
    assert page.locator("#said").inner_text() == "sorted by Tuned, descending"
    button.press("Space")
    assert head.get_attribute("aria-sort") == "none"
    assert column(page, "#headline", 1) == before


def test_numbers_sort_as_numbers_and_nothing_comes_last(page: Any, report: Path) -> None:
    page.goto((report / "report.html").as_uri())
    page.evaluate(
        """() => { const t = document.querySelector('#headline'); const row = t.tBodies[0].rows[0];
        t.tBodies[0].replaceChildren(...['100', '', '20.5', '-3', ''].map((v, i) => { const r = row.cloneNode(true);
        r.cells[5].dataset.value = v; r.cells[0].textContent = v + '/' + i; return r; })); makeSortable(t); }"""
    )
    for order, expected in (
        ("ascending", ["-3/3", "20.5/2", "100/0", "/1", "/4"]),
        ("descending", ["100/0", "20.5/2", "-3/3", "/1", "/4"]),
    ):
        page.evaluate("order => sortTable(document.querySelector('#headline'), 5, order)", order)
        assert column(page, "#headline", 1) == expected


def test_a_click_beside_the_word_of_a_heading_sorts_and_so_do_keys(page: Any, report: Path) -> None:
    page.goto((report / "report.html").as_uri())
    page.set_viewport_size({"width": 700, "height": 900})  # narrow: headings of several lines
    for table in ("#headline", "#runs"):
        head = page.locator(f"{table} thead th").first
        head.scroll_into_view_if_needed()
        box = head.bounding_box()
        corner = (box["x"] + box["width"] - 3, box["y"] + 3)
        assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).tagName", corner) == "TH"  # not the button
        page.mouse.click(*corner)
        assert head.get_attribute("aria-sort") == "ascending"
        head.locator("button").click()  # one step, not two
        assert head.get_attribute("aria-sort") == "descending"
        page.keyboard.press("Enter")
        assert head.get_attribute("aria-sort") == "none"
        page.keyboard.press("Space")
        assert head.get_attribute("aria-sort") == "ascending"


def test_a_heading_of_the_index_sorts_wherever_it_is_clicked(page: Any, report: Path) -> None:
    open_index(page, report)
    box = page.locator("#index thead th").nth(2).bounding_box()
    page.mouse.click(box["x"] + 3, box["y"] + 3)
    assert page.locator("#index thead th").nth(2).get_attribute("aria-sort") == "ascending"
    page.locator("#index thead th").nth(2).locator("button").focus()
    page.keyboard.press("Enter")
    assert page.locator("#index thead th").nth(2).get_attribute("aria-sort") == "descending"


def test_from_the_report_to_a_problem_and_on_to_the_next(page: Any, report: Path) -> None:
    page.goto((report / "report.html").as_uri())
    page.locator("#pools a", has_text="seed 1").click()
    page.wait_for_selector("#index tbody tr")
    assert page.locator("#index tbody tr").count() == 50
    page.locator("#index a", has_text="p/00001").click()
    page.wait_for_selector("#outputs")
    assert page.locator("h1:visible").inner_text() == "p/00001"
    assert page.locator("#outputs thead th").all_inner_texts()[1].startswith("A 3 of 5")
    assert page.locator("#outputs td.differs").all_inner_texts() == ["[1, 2]"]
    assert page.locator("#outputs td.crash").count() == 2
    assert page.locator("#candidates .winner").inner_text().split() == ["#0", "A", "0.875", "✓", "★"]
    page.locator("#next").click()
    page.wait_for_function("document.querySelector('#problem-view h1').textContent === 'p/00002'")
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("document.querySelector('#problem-view h1').textContent === 'p/00001'")
    page.go_back()
    page.wait_for_function("document.querySelector('#problem-view h1').textContent === 'p/00002'")
    page.locator("#to-index").click()
    page.wait_for_selector("#index tbody tr", state="visible")


def test_the_index_is_searched_filtered_sorted_and_paged(page: Any, report: Path) -> None:
    open_index(page, report)
    page.locator("#pager button", has_text="Last").click()
    assert page.locator("#index tbody tr").count() == PROBLEMS - 100
    assert "the first 110 characters of each statement" in page.locator("#index-view").inner_text()
    page.locator("#search").fill("add 117")
    assert page.locator("#index .id").all_inner_texts() == ["p/00117"]
    page.locator("#search").fill("nothing like that")
    assert "No problem matches." in page.locator("#index tbody").inner_text()
    page.locator("#search").fill("")
    page.locator("#index th button", has_text="entropy").click()
    page.locator("#index th button", has_text="entropy").click()
    assert page.locator("#index .id").first.inner_text() == "p/00118"  # 119 has no value
    page.locator("#choose-kept").select_option("yes")
    assert page.locator("#index-lead").inner_text().startswith(("3 of 120", "120 problems"))
    page.locator("#choose-winner").select_option("right")
    assert set(column(page, "#index", 6)) == {"✓ right"}
    page.reload()
    page.wait_for_selector("#index tbody tr")
    assert page.locator("#choose-winner").input_value() == "right"  # the address holds what was asked for


def test_next_follows_the_order_of_the_index(page: Any, report: Path) -> None:
    open_index(page, report, "#sort=metric&order=descending")
    page.locator("#index .id").first.click()
    page.wait_for_selector("#outputs")
    page.locator("#next").click()
    page.wait_for_function("document.querySelector('#problem-view h1').textContent === 'p/00117'")
    assert page.locator(".moves").inner_text().endswith("2 of 120")


def test_a_hostile_problem_is_shown_as_text(page: Any, report: Path) -> None:
    open_index(page, report, "#problem=p%2F%3Cb%3E0")
    assert page.locator("#problem-view h1").inner_text() == "p/<b>0"
    assert page.locator(".statement").inner_text() == HOSTILE
    assert page.locator(".program code").first.text_content() == HOSTILE
    assert page.locator("#problem-view img, #problem-view script, #problem-view b:not(.shares b)").count() == 0


def test_the_same_problem_in_another_pool(page: Any, report: Path) -> None:
    open_index(page, report, "#problem=p%2F00003")
    page.locator("#pool").select_option("200000000000")
    page.wait_for_url("**/200000000000/index.html#problem=p%2F00003")
    page.wait_for_selector("#outputs")
    assert page.locator("#problem-view h1").inner_text() == "p/00003"


def test_a_problem_that_is_not_there_is_said_to_be_missing(page: Any, report: Path) -> None:
    page.goto(f"{(report / 'problems' / '100000000000' / 'index.html').as_uri()}#problem=zz")
    page.wait_for_function("document.querySelector('#message').textContent.includes('no problem zz')")


def test_long_values_open_and_close(page: Any, report: Path) -> None:
    open_index(page, report)
    page.evaluate("document.querySelector('main').append(...clipped(['x'.repeat(500), 900]))")
    button = page.locator("main > .more")
    assert button.inner_text() == "first 500 characters"
    button.click()
    assert page.locator("main > .more").get_attribute("aria-expanded") == "true"
    assert page.locator("main > span").inner_text().endswith("… 500 of 900 characters")


@pytest.mark.parametrize("width", [420, 1440])
def test_nothing_is_wider_than_the_window(page: Any, report: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.goto((report / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    open_index(page, report, "#problem=p%2F%3Cb%3E0")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
