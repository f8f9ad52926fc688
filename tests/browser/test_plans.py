"""What people do first: look, move the volume, open a number, keep a plan, pass it on."""

import csv
import random
import re
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tco.domain.changes import with_inputs
from tco.export.files import Format, Wanted, export_files
from tco.store.link import link_values
from tco.store.plan import Plan
from tests.browser.conftest import choose, person, settled, slowness
from tests.shipped import at_volume, data, evaluated, loaded

FIRST = "ticket-classification/base"
HARMLESS = re.compile(r"Infinite extent for field")
"""Vega says so while it mounts a chart."""
PAGES = {
    "": "Overview",
    "compare": "Compare",
    "scenarios": "Scenarios",
    "new": "New scenario",
}


def figure(page: Page, label: str) -> Locator:
    """Return where a card shows its figure; it may be drawn anew at any time."""
    return page.get_by_test_id("stMetric").filter(has_text=label).get_by_test_id("stMetricValue")


def shows(page: Page, label: str, value: str) -> None:
    """Wait until a card shows a figure, and fail where it never does."""
    expect(figure(page, label)).to_have_text(value)


def move_volume(page: Page, key: str = "ArrowRight") -> str:
    """Move the volume one step, as a keyboard does; return the total that follows."""
    expect(page.get_by_test_id("stMetric")).to_have_count(5)
    before = figure(page, "Total cost").inner_text()
    page.get_by_role("slider", name="Requests a month").press(key)
    total = page.get_by_test_id("stMetricValue").first
    expect(total).not_to_have_text(before)
    settled(page)
    return figure(page, "Total cost").inner_text()


@pytest.fixture
def stranger(browser: Browser, app_url: str) -> Iterator[Page]:
    """Open the app as somebody else, in a window of their own."""
    window = person(browser)
    page = window.new_page()
    page.goto(app_url)
    settled(page)
    yield page
    window.close()


def test_a_reload_shows_the_cards_in_two_seconds_and_asks_nothing_of_the_world(
    page: Page, app_url: str
):
    asked: list[str] = []
    said: list[tuple[str, str]] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append((message.type, message.text)))
    took_s = []
    for _ in range(3):
        begun = time.monotonic()
        page.reload()
        expect(page.get_by_test_id("stMetric")).to_have_count(5)
        took_s.append(time.monotonic() - begun)
        settled(page)
    assert min(took_s) < 2.0 * slowness()
    ours = (app_url, app_url.replace("http", "ws"), "data:", "blob:")
    assert asked, "no request was seen, so nothing was checked"
    assert [url for url in asked if not url.startswith(ours)] == []
    loud = [text for kind, text in said if kind == "error" and not HARMLESS.search(text)]
    assert loud == []


def test_choosing_a_use_case_shows_its_cheapest_snapshot_and_what_is_paid_today(
    page: Page, pictures: Path
):
    page.wait_for_load_state("networkidle")
    page.screenshot(path=pictures / "overview.png")
    expect(page).to_have_title("TCO planner")
    choose(page, "Use case", "Fraud scoring")
    best = evaluated("fraud-scoring/base").ranking.options[0]
    assert best.money is not None
    expect(page.get_by_text(f"{best.title} is the cheapest")).to_be_visible()
    settled(page)
    shows(page, "Total cost", f"{best.money.basis_usd:,.0f}")
    expect(page.get_by_text("Modelled against paid")).to_be_visible()
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_long_simulation_hinders_nobody_and_can_be_cancelled(
    page: Page, stranger: Page, app_url: str
):
    chat = loaded("support-chat/base")
    unseen = with_inputs(chat, {("seed",): random.randrange(2**31)})
    catalog, _ = data()
    values = link_values(Plan(unseen, unseen), catalog.digest)
    move_volume(page)
    move_volume(page, "ArrowLeft")
    stranger.goto(f"{app_url}/?{urlencode(values)}")
    cancel = stranger.get_by_role("button", name="Cancel")
    expect(cancel).to_be_visible()
    begun = time.monotonic()
    move_volume(page)
    assert time.monotonic() - begun < 1.5 * slowness()
    cancel.click()
    begun = time.monotonic()
    expect(stranger.get_by_text("was stopped; the inputs are kept")).to_be_visible()
    assert time.monotonic() - begun < 2.0 * slowness()
    expect(stranger.get_by_role("button", name="Simulate")).to_be_visible()


def test_one_step_of_the_slider_gives_the_engines_answer_within_a_second(page: Page):
    expected = at_volume(FIRST, 1.1)
    best = expected.ranking.options[0].money
    assert best is not None
    move_volume(page)  # the first time works out what nobody has asked before
    move_volume(page, "ArrowLeft")
    begun = time.monotonic()
    page.get_by_role("slider", name="Requests a month").press("ArrowRight")
    total = page.get_by_test_id("stMetricValue").first
    expect(total).to_have_text(f"{best.basis_usd:,.0f}")
    assert time.monotonic() - begun < 1.0 * slowness()
    settled(page)
    shows(page, "USD per 1,000 requests", f"{best.cost_per_1k_usd:,.4g}")


def test_cards_chart_table_and_files_hold_the_same_total_to_the_cent(page: Page):
    found = evaluated(FIRST)
    best = found.ranking.options[0]
    assert best.money is not None
    total = best.money.basis_usd
    marks = page.get_by_test_id("stVegaLiteChart").first.locator("path[aria-label*='USD']")
    expect(marks.first).to_be_attached()
    labels = [mark.get_attribute("aria-label") or "" for mark in marks.all()]
    drawn = [float(label.rsplit("USD ", 1)[1].replace(",", "")) for label in labels]
    assert sum(drawn) == pytest.approx(total, abs=0.005)
    first_row = page.get_by_test_id("stTable").first.locator("tbody tr").first
    expect(first_row).to_contain_text(f"{total:,.2f}")
    shows(page, "Total cost", f"{total:,.0f}")
    wanted = Wanted([Format.BUDGET], best.option)
    [budget] = export_files(found, wanted).values()
    rows = csv.DictReader(StringIO(budget.decode("utf-8-sig")))
    assert sum(float(row["amount_usd"]) for row in rows) == pytest.approx(total, abs=0.005)


def test_a_number_opens_to_quantity_price_source_and_evidence(page: Page):
    page.get_by_test_id("stMain").get_by_role("button", name="Open").first.click()
    dialog = page.get_by_role("dialog")
    best = evaluated(FIRST).ranking.options[0]
    assert best.money is not None
    expect(dialog).to_contain_text(f"USD {best.money.tco_usd:,.2f}")
    dialog.get_by_text("The arithmetic of the whole option").click()
    expect(dialog).to_contain_text(f"{best.option} costs ${best.money.tco_usd:,.2f}")
    expect(dialog).to_contain_text("openai/gpt-oss-20b")


@pytest.mark.parametrize(("path", "title"), PAGES.items())
def test_each_page_opens_by_its_address(page: Page, app_url: str, path: str, title: str):
    page.goto(f"{app_url}/{path}")
    settled(page)
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    expect(page.get_by_text("Estimate, not a quote")).to_be_visible()


def test_each_page_stands_once_in_the_history_and_keeps_the_plan(page: Page, app_url: str):
    total = move_volume(page)
    plan = urlsplit(page.url).query
    assert plan.startswith("plan=")
    entries = page.evaluate("history.length")
    on_page(page, "Overview")
    for number, title in enumerate(("Compare", "Idle waste"), start=1):
        page.get_by_role("link", name=title).click()
        on_page(page, title)
        assert urlsplit(page.url).query == plan
        assert page.evaluate("history.length") == entries + number
    for turn, title in (
        (page.go_back, "Compare"),
        (page.go_back, "Overview"),
        (page.go_forward, "Compare"),
        (page.go_back, "Overview"),
    ):
        turn()
        on_page(page, title)
        assert urlsplit(page.url).query == plan
    shows(page, "Total cost", total)
    page.reload()  # nothing that was entered is lost
    settled(page)
    shows(page, "Total cost", total)


def on_page(page: Page, title: str) -> None:
    """Wait until a page is there, and is marked in the list of pages, as the only one."""
    expect(page.get_by_role("heading", level=1)).to_have_text(title)
    settled(page)
    here = page.get_by_role("navigation", name="App pages").locator("[aria-current=page]")
    expect(here).to_have_text([title])


def test_a_link_with_a_plan_is_opened_in_place(page: Page, app_url: str):
    move_volume(page)
    kept = page.url
    page.goto(f"{app_url}/method")
    settled(page)
    entries = page.evaluate("history.length")
    page.goto(kept.replace("/?", "/compare?"))
    on_page(page, "Compare")
    assert page.evaluate("history.length") == entries + 1
    expect(page.get_by_text("1 changed")).to_be_visible()


def test_an_unknown_address_says_so(page: Page, app_url: str):
    page.goto(f"{app_url}/nowhere")
    expect(page.get_by_text("Page not found")).to_be_visible()


def test_a_link_opens_the_same_plan_for_somebody_else(page: Page, stranger: Page, app_url: str):
    total = move_volume(page)
    page.get_by_role("link", name="Scenarios").click()
    page.get_by_role("button", name="Copy link").click()
    link = page.get_by_test_id("stCode").inner_text()
    assert link.startswith(f"{app_url}/?link=1&")
    stranger.goto(link)
    settled(stranger)
    expect(stranger.get_by_test_id("stMetricValue").first).to_have_text(total)
    values = {name: held[0] for name, held in parse_qs(urlsplit(link).query).items()}
    expect(stranger.get_by_text(f"Digest {values['digest'][:8]}")).to_be_visible()
    for changed, says in (
        ({"scope": "Bogus"}, "1 value in this link was not valid and was ignored: scope=Bogus"),
        ({"link": "0"}, "this link has version '0'"),
    ):
        stranger.goto(f"{app_url}/?{urlencode(values | changed)}")
        expect(stranger.get_by_text(says)).to_be_visible()


def test_two_people_never_see_each_others_plan(page: Page, stranger: Page):
    before = figure(stranger, "Total cost").inner_text()
    moved = move_volume(page)
    choose(stranger, "View of time", "Present value of cash")
    expect(stranger.get_by_text("USD, present value, Full TCO")).to_be_visible()
    settled(stranger)
    expect(figure(stranger, "Total cost")).not_to_have_text(before)
    assert figure(stranger, "Total cost").inner_text() != moved
    expect(page.get_by_text("USD, accrual, Full TCO")).to_be_visible()
    expect(stranger.get_by_text("1 changed")).to_have_count(0)
    stranger.get_by_role("link", name="Scenarios").click()
    expect(stranger.get_by_text("Nothing saved yet")).to_be_visible()


def test_a_plan_is_saved_renamed_deleted_and_brought_back(page: Page):
    move_volume(page)
    page.get_by_role("link", name="Scenarios").click()
    page.get_by_role("textbox", name="Title").fill("Ten percent more")
    page.get_by_role("textbox", name="Title").press("Enter")
    page.get_by_role("button", name="Save", exact=True).click()
    row = page.get_by_text("Ten percent more").first
    expect(row).to_be_visible()
    settled(page)
    page.get_by_role("button", name="Delete", exact=True).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Deleted: Ten percent more")).to_be_visible()
    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_text("Deleted: Ten percent more")).to_have_count(0)
    expect(page.get_by_role("button", name="Duplicate")).to_have_count(1)
    page.get_by_role("button", name="Delete", exact=True).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Nothing saved yet")).to_be_visible()


def test_the_cards_and_the_sentence_are_seen_without_scrolling_and_fit_a_phone(
    page: Page, browser: Browser, app_url: str
):
    for text in ("Break-even month", "is the cheapest snapshot that meets every goal"):
        box = page.get_by_text(text).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 768
    window = person(browser, viewport={"width": 390, "height": 800})
    phone = window.new_page()
    for path in PAGES:
        phone.goto(f"{app_url}/{path}")
        settled(phone)
        wide = phone.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390, path
    window.close()
