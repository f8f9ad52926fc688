"""A small set of price tables that tests may change."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tco.prices import Catalog
from tco.prices.readings import Wanted
from tco.prices.refresh import machines_of
from tco.prices.retry import Retry
from tests.prices.aws_replies import StubbedAws

SHIPPED = Path(__file__).parents[2] / "pricing"
DAY = date(2026, 11, 21)
TODAY = date(2026, 12, 1)
"""The day on which tests read prices anew."""


@pytest.fixture(scope="session")
def shipped() -> Catalog:
    return Catalog.load(SHIPPED)


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A copy of the shipped tables."""
    folder = tmp_path / "pricing"
    shutil.copytree(SHIPPED, folder)
    return folder


@pytest.fixture
def overlay(tmp_path: Path) -> Callable[..., Path]:
    """Write a user's own table: header and rows as text."""

    def write(table: str, *lines: str, folder: str = "mine") -> Path:
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        (place / f"{table}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return place

    return write


class Diary:
    """Waits for nothing and remembers what it was told."""

    def __init__(self):
        self.waits: list[float] = []
        self.told: list[str] = []
        self.retry = Retry(sleep=self.waits.append, tell=self.told.append)


@pytest.fixture
def diary() -> Diary:
    return Diary()


def wanted(catalog, *names, seller="aws", region="us-east-1"):
    return Wanted(region, machines_of(catalog, seller, region, names), TODAY)


@pytest.fixture
def aws():
    with StubbedAws() as stubbed:
        yield stubbed
