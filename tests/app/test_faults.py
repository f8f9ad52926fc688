"""A fault of ours shows neutral words and a reference; the trace goes to the log alone."""

import logging

import pytest

from tests.app.conftest import Opened


def test_a_fault_shows_a_reference_and_nothing_of_itself(
    opened: Opened, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    def broken(*_: object) -> None:
        raise RuntimeError("/srv/secret/path is broken")

    monkeypatch.setattr("tco.app.idle.capacity_by_option", broken)
    with caplog.at_level(logging.ERROR):
        page = opened("idle")
    assert not page.exception
    [shown] = page.error
    assert "Your inputs are kept" in shown.value
    reference = shown.value.rpartition(" ")[2].rstrip(".")
    assert "secret" not in shown.value
    assert reference in caplog.text
    assert "/srv/secret/path is broken" in caplog.text
