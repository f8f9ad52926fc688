"""What goes wrong is said in words, with nothing of our insides, and inputs are kept."""

import os
import random
import re
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect

from tco.domain.changes import with_inputs
from tco.store.link import link_values
from tco.store.plan import Plan
from tests.browser.conftest import ENTRY, Server, choose, person, running, settled, slowness
from tests.shipped import data, loaded

FAULTY = Path(__file__).with_name("faulty_app.py")
SECRETS = ("secret", "RuntimeError", "Traceback", ".py", "/srv")
WORKER = "spawn_main"
"""What the command line of a simulation worker says."""
STOPS_WITHIN_S = 10.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the app with its faults."""
    with running(FAULTY, tmp_path_factory.mktemp("app")) as started:
        yield started


def unseen_plan(address: str) -> str:
    """Return a link to a plan that nobody has simulated, and that takes a while."""
    chat = loaded("support-chat/base")
    unseen = with_inputs(chat, {("seed",): random.randrange(2**31)})
    catalog, _ = data()
    return f"{address}/?{urlencode(link_values(Plan(unseen, unseen), catalog.digest))}"


def parents() -> dict[int, int]:
    """Return every process that lives, and its parent."""
    found = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            state, parent = status.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                found[int(status.parent.name)] = int(parent)
    return found


def family(server: Server) -> set[int]:
    """Return the processes that the server has started, and theirs."""
    found, known = {server.process.pid}, parents()
    while more := {one for one, parent in known.items() if parent in found} - found:
        found |= more
    return found


def workers(server: Server) -> list[int]:
    """Return the processes that simulate."""
    found = []
    for one in family(server):
        with suppress(OSError):
            if WORKER in Path(f"/proc/{one}/cmdline").read_text():
                found.append(one)
    return found


def reference_in(text: str) -> str:
    """Return the reference that a page shows, once it is sure that it shows nothing else."""
    for secret in SECRETS:
        assert secret not in text
    found = re.search(r"pass on the reference (\w{8})", text)
    assert found is not None, text
    return found.group(1)


def test_a_fault_of_a_page_or_of_a_change_is_a_reference_and_nothing_more(page: Page, app_url: str):
    choose(page, "Horizon", "60 months")
    expect(page.get_by_text("Something went wrong on our side")).to_be_visible()
    expect(page.get_by_role("combobox", name="Horizon")).to_have_value("36 months")
    settled(page)
    of_change = reference_in(page.content())
    page.get_by_role("link", name="Idle waste").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Idle waste")
    expect(page.get_by_text("Something went wrong on our side")).to_be_visible()
    settled(page)
    assert reference_in(page.content()) != of_change
    expect(page.get_by_test_id("stException")).to_have_count(0)


def test_a_worker_that_dies_is_told_and_can_be_tried_again(
    page: Page, server: Server, app_url: str
):
    page.goto(unseen_plan(app_url))
    told = page.get_by_text("A worker process died while it simulated these inputs")
    deadline = time.monotonic() + 240
    while not told.is_visible():
        assert time.monotonic() < deadline, "nobody was told"
        for worker in workers(server):
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        page.wait_for_timeout(500)
    expect(page.get_by_text("The inputs are kept")).to_be_visible()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(told).to_have_count(0)
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("was stopped; the inputs are kept")).to_be_visible()


def test_going_back_while_a_simulation_runs_keeps_the_plan(page: Page, app_url: str):
    page.goto(unseen_plan(app_url))
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    digest = page.get_by_text(re.compile(r"Digest \w{8}$")).inner_text()
    expect(page).to_have_url(re.compile(r"/\?plan=\w+$"))
    page.get_by_role("link", name="Scenarios").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Scenarios")
    expect(page).to_have_url(re.compile(r"/scenarios\?plan=\w+$"))
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")
    expect(page.get_by_text(digest, exact=True)).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("was stopped; the inputs are kept")).to_be_visible()
    expect(page.get_by_text(digest, exact=True)).to_be_visible()


def test_a_scenario_deleted_in_another_window_goes_on_as_a_copy(page: Page, browser: Browser):
    step = page.get_by_role("slider", name="Requests a month")
    step.press("ArrowRight")
    expect(page.get_by_text("1 changed")).to_be_visible()
    settled(page)
    page.get_by_role("link", name="Scenarios").click()
    page.get_by_role("textbox", name="Title").fill("Gone soon")
    page.get_by_role("textbox", name="Title").press("Enter")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Gone soon").first).to_be_visible()
    settled(page)
    window = person(browser)
    other = window.new_page()
    other.goto(page.url.replace("/scenarios", "/"))
    expect(
        other.get_by_text("1 changed").or_(other.get_by_test_id("stMetric").first).first
    ).to_be_visible()
    settled(other)
    page.get_by_role("button", name="Delete", exact=True).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Deleted: Gone soon")).to_be_visible()
    total = other.get_by_test_id("stMetricValue").first
    before = total.inner_text()
    other.get_by_role("slider", name="Requests a month").press("ArrowRight")
    expect(
        other.get_by_text("was deleted in another window; you go on with a copy")
    ).to_be_visible()
    expect(total).not_to_have_text(before)
    settled(other)
    after = total.inner_text()
    other.reload()
    settled(other)
    expect(total).to_have_text(after)
    window.close()


def test_a_server_that_is_stopped_at_work_leaves_no_process(browser: Browser, tmp_path: Path):
    with running(ENTRY, tmp_path) as started:
        window = person(browser)
        page = window.new_page()
        page.goto(unseen_plan(started.url))
        expect(page.get_by_role("button", name="Cancel")).to_be_visible()
        deadline = time.monotonic() + 60
        while not workers(started):
            assert time.monotonic() < deadline, "no worker was started, so nothing is checked"
            page.wait_for_timeout(100)
        left = family(started)
        started.process.terminate()
        started.process.wait(timeout=STOPS_WITHIN_S * slowness())
        window.close()
    deadline = time.monotonic() + STOPS_WITHIN_S * slowness()
    while (alive := left & set(parents())) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert alive == set()
