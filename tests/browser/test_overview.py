"""The first page, seen as a person sees it."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.conftest import settled
from tests.shipped import evaluated


def test_the_first_page_opens_with_the_products_name(page: Page, pictures: Path):
    expect(page.get_by_test_id("stMetric").first).to_be_visible(timeout=20_000)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=pictures / "overview.png", full_page=True)
    expect(page).to_have_title("TCO planner")
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_the_app_asks_nothing_of_the_world_outside(page: Page, app_url: str):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    ours = (app_url, app_url.replace("http", "ws"), "data:", "blob:")
    assert asked, "no request was seen, so nothing was checked"
    assert [url for url in asked if not url.startswith(ours)] == []


def test_the_first_page_runs_without_an_error(page: Page):
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_choosing_a_scenario_shows_its_cheapest_snapshot_to_the_dollar(page: Page, pictures: Path):
    page.get_by_role("combobox", name="Use case").click()
    page.get_by_role("option", name="Fraud scoring").click()
    best = evaluated("fraud-scoring/base").ranking.options[0]
    assert best.money is not None
    expect(page.get_by_text(f"{best.title} is the cheapest")).to_be_visible(timeout=20_000)
    settled(page)
    expect(page.get_by_text(f"{best.money.basis_usd:,.0f}").first).to_be_visible()
    expect(page.get_by_text("Modelled against paid")).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.screenshot(path=pictures / "fraud-scoring.png")
