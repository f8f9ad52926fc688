"""Every page as people meet it: by its address, on small screens, by keyboard, with bad files."""

import csv
import re
from collections.abc import Iterator
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect
from pypdf import PdfReader

from tco.export.workbook import workbook
from tco.rank.comparison import compared
from tests.browser.conftest import person, settled
from tests.export.moved import planned_anew
from tests.export.recalculated import Recalculated
from tests.shipped import at_volume, evaluated
from tests.store.test_brought import PERSON, prices

PAGES = {
    "": "Overview",
    "compare": "Compare",
    "training": "Training & experiments",
    "idle": "Idle waste",
    "uncertainty": "Uncertainty",
    "sweeps": "Sweeps",
    "measurements": "Snapshots & measurements",
    "scenarios": "Scenarios",
    "assumptions": "Assumptions",
    "new": "New scenario",
    "uploads": "Uploads",
    "export": "Export",
    "method": "Method",
}
GRAVE = ("serious", "critical")
FIRST = "ticket-classification/base"


@pytest.fixture(scope="module")
def visitor(browser: Browser, app_url: str) -> Iterator[Page]:
    """Open the app once for all tests of this file."""
    window = person(browser)
    page = window.new_page()
    page.goto(app_url)
    # The first answer of a fresh checkout is simulated from nothing.
    expect(page.get_by_test_id("stMetric").first).to_be_visible(timeout=240_000)
    arrived(page)
    yield page
    window.close()


def arrived(page: Page) -> None:
    """Wait until nothing is worked on any more."""
    settled(page)
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0, timeout=90_000)
    settled(page)


def grave_findings(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['target']}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("address", PAGES)
def test_a_page_opens_by_its_address_for_everybody_on_every_screen(
    visitor: Page, app_url: str, address: str, pictures: Path
):
    visitor.set_viewport_size({"width": 1366, "height": 768})
    visitor.goto(f"{app_url}/{address}")
    expect(visitor.get_by_role("heading", level=1)).to_have_text(PAGES[address])
    arrived(visitor)
    expect(visitor.get_by_role("dialog")).to_have_count(0)  # such as: page not found
    expect(visitor.get_by_test_id("stException")).to_have_count(0)
    expect(visitor.get_by_text("Something went wrong")).to_have_count(0)
    for words in ("Estimate, not a quote", "Prices of", "USD,"):
        expect(visitor.get_by_text(words).first).to_be_visible()
    expect(visitor.get_by_role("button", name="Download as CSV")).to_have_count(0)
    assert grave_findings(visitor) == []
    picture = f"page-{address or 'overview'}"
    visitor.screenshot(path=pictures / f"{picture}.png")
    for width in (1024, 390):
        visitor.set_viewport_size({"width": width, "height": 844})
        visitor.wait_for_timeout(300)
        sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert visitor.evaluate(sideways) <= 0, f"{address} scrolls sideways at {width}"
    visitor.screenshot(path=pictures / f"{picture}-390.png")


def open_page(page: Page, app_url: str, address: str) -> None:
    page.set_viewport_size({"width": 1366, "height": 768})
    page.goto(f"{app_url}/{address}")
    expect(page.get_by_role("heading", level=1)).to_have_text(PAGES[address])
    arrived(page)


def test_a_number_opens_for_everybody(visitor: Page, app_url: str):
    open_page(visitor, app_url, "training")
    visitor.locator(".st-key-open-made").get_by_role("button").click()
    dialog = visitor.get_by_role("dialog")
    expect(dialog.get_by_text("over 36 months, nominal")).to_be_visible()
    settled(visitor)
    assert grave_findings(visitor) == []
    visitor.keyboard.press("Escape")


def test_files_are_made_by_keyboard_and_hold_the_answer(visitor: Page, app_url: str):
    open_page(visitor, app_url, "export")
    make = visitor.get_by_role("button", name="Make the files")
    make.focus()
    make.press("Enter")
    budget = visitor.get_by_role("button", name=re.compile(r"budget\.csv"))
    expect(budget).to_be_visible()
    arrived(visitor)
    digest = evaluated(FIRST).scenario.digest[:8]
    expect(visitor.get_by_text(f"Digest {digest}", exact=True)).to_be_visible()
    best = evaluated(FIRST).ranking.options[0]
    assert best.money is not None
    rows = list(csv.DictReader(StringIO(downloaded(visitor, "budget.csv").decode("utf-8-sig"))))
    total = sum(float(row["amount_usd"]) for row in rows)
    assert total == pytest.approx(best.money.basis_usd, abs=0.005)
    workbook_is_right(downloaded(visitor, "xlsx"))
    document = PdfReader(BytesIO(downloaded(visitor, "summary.pdf")))
    assert len(document.pages) == 1
    text = document.pages[0].extract_text()
    price_date = f"{evaluated(FIRST).scenario.price_date:%Y-%m-%d}"
    for words in (f"{best.money.basis_usd:,.0f}", digest, price_date, "Estimate, not a quote"):
        assert words in text


def downloaded(page: Page, ending: str) -> bytes:
    with page.expect_download() as waiting:
        page.get_by_role("button", name=re.compile(re.escape(f".{ending}"))).click()
    assert evaluated(FIRST).scenario.digest[:8] in waiting.value.suggested_filename
    return Path(waiting.value.path()).read_bytes()


def workbook_is_right(content: bytes) -> None:
    """Recalculated it holds what it was written with; one change gives what planning anew gives."""
    found = evaluated(FIRST)
    crossings = compared(found.outlook, found.requests_answered, None)
    assert content == workbook(found, crossings), "another build has other bytes"
    book = Recalculated(content)
    for sheet, row, column, _ in book.formulas():
        now, then = book.value(sheet, row, column), book.cached_value(sheet, row, column)
        if isinstance(then, float | int):
            assert now == pytest.approx(then, rel=1e-9, abs=1e-9)
        else:
            assert (now or "") == (then or "")
            assert not str(now).startswith("#")
    assert len(book.written.defined_names) > 50
    assert book.written["Assumptions"].freeze_panes
    assert book.written["Summary"]._charts
    name = "organisation.hours_per_fte_year"
    row, cells = book.assumption_rows()[name]
    book.set("Assumptions", row, 2, cells[3])
    shown = book.totals()
    for answer in planned_anew(found.scenario, {name: cells[3]}).ranking.options:
        assert answer.money is not None
        assert shown[answer.title] == pytest.approx(answer.money.tco_usd, rel=0.001)


def test_a_file_holds_what_is_on_screen_however_quick_one_is(visitor: Page, app_url: str):
    open_page(visitor, app_url, "")
    shipped, moved = evaluated(FIRST), at_volume(FIRST, 1.1)
    totals = {}
    for found in (shipped, moved):
        best = found.ranking.options[0].money
        assert best is not None
        totals[found.scenario.digest[:8]] = best.basis_usd
    visitor.get_by_role("slider", name="Requests a month").press("ArrowRight")
    visitor.get_by_role("link", name="Export").click()
    make = visitor.get_by_role("button", name="Make the files")
    expect(make).to_be_visible()  # there is none before the answer is that of the new inputs
    make.click()
    budget = visitor.get_by_role("button", name=re.compile(r"budget\.csv"))
    expect(budget).to_be_visible()
    with visitor.expect_download() as waiting:
        budget.click()
    arrived(visitor)
    digest = visitor.get_by_text(re.compile(r"^Digest \w{8}$")).inner_text().split()[-1]
    assert digest == moved.scenario.digest[:8]
    assert digest in waiting.value.suggested_filename
    text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    total = sum(float(row["amount_usd"]) for row in csv.DictReader(StringIO(text)))
    assert total == pytest.approx(totals[digest], abs=0.005)


def price_chooser(page: Page, app_url: str) -> Locator:
    """Open the page of uploads where a price table is asked for."""
    open_page(page, app_url, "uploads")
    page.get_by_role("combobox", name="What do you bring?").click()
    page.get_by_role("option", name="Price table").click()
    expect(page.get_by_text("A price table; its name tells which")).to_be_visible()
    settled(page)
    return page.get_by_test_id("stFileUploaderDropzoneInput")


def test_a_file_that_is_too_large_is_refused(visitor: Page, app_url: str):
    chooser = price_chooser(visitor, app_url)
    large = prices(PERSON).raw + b"x" * 6_000_000
    chooser.set_input_files({"name": "people.csv", "mimeType": "text/csv", "buffer": large})
    expect(visitor.get_by_text("File must be 5.0MB or smaller")).to_be_visible()
    expect(visitor.get_by_role("button", name="Use these prices")).to_have_count(0)
    expect(visitor.get_by_text("In force in this session")).to_have_count(0)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (prices(PERSON.replace(",99,", ",-5,")).raw, "people.csv:2"),
        (prices(PERSON.replace(",99,", ",nan,")).raw, "people.csv:2"),
        (prices(PERSON.replace(",99,", ",1e309,")).raw, "people.csv:2"),
        (prices(PERSON.replace(",99,", ",=1+1,")).raw, "people.csv:2"),
        (b"role,cost\nx,1\n", "people.csv:1"),
        (prices(PERSON).raw.decode().encode("utf-16"), "UTF-8"),
    ],
    ids=["negative", "not a number", "infinite", "formula", "columns", "utf-16"],
)
def test_a_bad_upload_is_told_by_its_row_and_changes_nothing(
    visitor: Page, app_url: str, content: bytes, says: str
):
    chooser = price_chooser(visitor, app_url)
    chooser.set_input_files({"name": "people.csv", "mimeType": "text/csv", "buffer": content})
    expect(visitor.get_by_text("Not taken")).to_be_visible()
    expect(visitor.get_by_text(says).first).to_be_visible()
    expect(visitor.get_by_text("In force in this session")).to_have_count(0)
    expect(visitor.get_by_text("Traceback")).to_have_count(0)


def test_an_error_is_readable_for_everybody_and_an_own_file_stays_ones_own(
    visitor: Page, browser: Browser, app_url: str
):
    chooser = price_chooser(visitor, app_url)
    bad = {"name": "people.csv", "mimeType": "text/csv", "buffer": b"role\nx\n"}
    chooser.set_input_files(bad)  # type: ignore[arg-type]
    expect(visitor.get_by_text("Not taken")).to_be_visible()
    assert grave_findings(visitor) == []
    chooser.set_input_files(bad | {"buffer": prices(PERSON).raw})  # type: ignore[arg-type]
    visitor.get_by_role("button", name="Use these prices").click()
    force = visitor.get_by_role("heading", name="In force in this session")
    expect(force).to_be_visible()
    stranger = person(browser)
    page = stranger.new_page()
    open_page(page, app_url, "uploads")
    expect(page.get_by_text("In force in this session")).to_have_count(0)
    stranger.close()
