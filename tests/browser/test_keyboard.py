"""All that matters is reached by keyboard alone, and one always sees where one is."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import settled

MOST_STEPS = 60
AROUND = """() => {
    let at = document.activeElement;
    while (at.getBoundingClientRect().width < 20 || at.getBoundingClientRect().height < 12)
        at = at.parentElement;
    const box = at.getBoundingClientRect(), more = 8;
    const left = Math.max(0, box.left - more), top = Math.max(0, box.top - more);
    return {
        x: left, y: top,
        width: Math.min(window.innerWidth, box.right + more) - left,
        height: Math.min(window.innerHeight, box.bottom + more) - top,
    };
}"""
"""Where on the screen the focus is, with what is drawn around it."""


def focus_is_seen(page: Page) -> bool:
    """Tell whether the picture around the focus is another one without it."""
    clip = page.evaluate(AROUND)
    with_it = page.screenshot(clip=clip, animations="disabled")
    page.evaluate("() => { window.had = document.activeElement; window.had.blur(); }")
    without = page.screenshot(clip=clip, animations="disabled")
    page.evaluate("() => window.had.focus()")
    return with_it != without


def go_to(page: Page, wanted: Locator, key: str = "Tab") -> None:
    """Press a key until the focus is where it is wanted; it has to be seen all the way."""
    for _ in range(MOST_STEPS):
        page.keyboard.press(key)
        where = page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        assert focus_is_seen(page), f"the focus is not seen on {where}"
        if wanted.evaluate("one => one === document.activeElement"):
            return
    pytest.fail(f"{MOST_STEPS} times {key} did not reach {wanted}")


def test_volume_compare_and_a_file_are_reached_by_keyboard_and_the_focus_is_always_seen(
    page: Page,
):
    expect(page.get_by_test_id("stMetric")).to_have_count(5)
    total = page.get_by_test_id("stMetricValue").first
    before = total.inner_text()
    go_to(page, page.get_by_role("slider", name="Requests a month"))
    page.keyboard.press("ArrowRight")
    expect(total).not_to_have_text(before)
    settled(page)
    digest = page.get_by_text(re.compile(r"^Digest \w{8}$")).inner_text().split()[-1]
    go_to(page, page.get_by_role("link", name="Compare"), "Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Compare")
    settled(page)
    go_to(page, page.get_by_role("link", name="Export"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Export")
    settled(page)
    go_to(page, page.get_by_role("button", name="Make the files"))
    page.keyboard.press("Enter")
    budget = page.get_by_role("button", name=re.compile(r"budget\.csv"))
    expect(budget).to_be_visible()
    settled(page)
    go_to(page, budget)
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    assert digest in waiting.value.suggested_filename
