"""The app on a free port of this machine, and Debian's Chromium to look at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import timeit
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from playwright.sync_api import TimeoutError as NotInTimeError

from tests.conftest import ROOT, personal, sealed
from tests.shipped import KEPT

ENTRY = ROOT / "streamlit_app.py"
START_S = 90.0
START_TRIES = 90
"""However late it is: a machine that stands still uses up seconds, and no tries."""
expect.set_options(timeout=90_000)
"""Patience is no test of speed: what has to be quick is timed by itself [ms]."""

CHROMIUM_FLAGS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),  # Chromium refuses to sandbox root
]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@dataclass(frozen=True)
class Server:
    """The app while it runs."""

    url: str
    process: subprocess.Popen[bytes]


@contextmanager
def running(entry: Path, home: Path) -> Iterator[Server]:
    """Start the app as a user would, and stop it afterwards.

    Args:
        entry: The script that Streamlit runs.
        home: Folder of the person it runs for.
    """
    port = _free_port()
    log = home / "streamlit.log"
    environment = {k: v for k, v in os.environ.items() if not personal(k)} | sealed(home)
    # Simulations are kept under the digest of all they rest on, so runs may share them.
    environment["XDG_CACHE_HOME"] = str(KEPT.parent)
    command = [sys.executable, "-m", "streamlit", "run", str(entry), f"--server.port={port}"]
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline, tries = time.monotonic() + START_S, 0
        while not _healthy(url):
            tries += 1
            is_late = time.monotonic() > deadline and tries > START_TRIES
            if server.poll() is not None or is_late:
                pytest.fail(f"the app did not start:\n{log.read_text()}", pytrace=False)
            time.sleep(0.1)
        yield Server(url, server)
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the app for one module."""
    with running(ENTRY, tmp_path_factory.mktemp("app")) as started:
        yield started


@pytest.fixture(scope="module")
def app_url(server: Server) -> str:
    """Give the address of the app."""
    return server.url


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Start a browser.

    For one module only: while it is open, no other test of this process can run asyncio.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        if os.environ.get("CI") == "true":
            pytest.fail("chromium is missing, and under CI nothing is skipped", pytrace=False)
        pytest.skip("chromium is not installed; tests/system_parts.sh names the command")
    home = tmp_path_factory.mktemp("profile")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=chromium,
            args=CHROMIUM_FLAGS,
            headless=True,
            env={**os.environ, **sealed(home)},
        )
        yield started
        started.close()


def person(browser: Browser, **options: Any) -> BrowserContext:
    """Return the window of somebody who has never been here."""
    return browser.new_context(
        **{
            "locale": "en-US",
            "reduced_motion": "reduce",
            "timezone_id": "UTC",
            "viewport": {"width": 1366, "height": 768},
            **options,
        }
    )


@pytest.fixture(scope="module")
def known_person(browser: Browser) -> Iterator[BrowserContext]:
    """Give the window of somebody whose browser has the app's files already."""
    window = person(browser)
    yield window
    window.close()


@pytest.fixture
def page(known_person: BrowserContext, app_url: str) -> Iterator[Page]:
    """Open the app's first page and wait until it has settled."""
    page = known_person.new_page()
    page.goto(app_url)
    settled(page)
    yield page
    page.close()


def slowness() -> float:
    """Return how much slower this machine is now than the one that time limits are stated for.

    Ten million additions take 0.5 s there, and no more programs want to run than it has cores.
    """
    waiting = os.getloadavg()[0] / (os.cpu_count() or 1)
    return max(1.0, waiting, timeit.timeit("sum(range(100_000))", number=100) / 0.5)


def settled(page: Page) -> None:
    """Wait until the app has finished its run: look or click only after that.

    A page that waits for a simulation has run, too, and will run again with the answer.
    """
    state = page.get_by_test_id("stApp")
    for _ in range(2):
        expect(state).to_have_attribute("data-test-script-state", "notRunning")
        expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def choose(page: Page, label: str, option: str) -> None:
    """Choose from a list; a page that is drawn anew closes a list that was just opened."""
    wanted = page.get_by_role("option", name=option, exact=True)
    for _ in range(4):
        settled(page)
        page.get_by_role("combobox", name=label).click()
        with suppress(NotInTimeError):
            wanted.click(timeout=5_000)
            return
    pytest.fail(f"{label} never offered {option}")


@pytest.fixture
def pictures() -> Path:
    """Give the folder for screenshots, kept after the run so that a person can look."""
    folder = ROOT / "test-results"
    folder.mkdir(exist_ok=True)
    return folder
