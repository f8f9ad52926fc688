"""Pages without a browser: each runs as in the app, on plans kept in a folder of the test's own."""

from collections.abc import Callable

import pytest
from streamlit import config
from streamlit.testing.v1 import AppTest

from tests.shipped import KEPT

Opened = Callable[[str], AppTest]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Opened:
    """Return what opens a page by its file in ``tco/app``; simulations are those of other tests."""
    monkeypatch.setattr("tco.app.state.user_cache", lambda: KEPT)
    for place in ("shell", "jobs"):  # on a busy machine, too, wait for the answer itself
        monkeypatch.setattr(f"tco.app.{place}.PATIENCE_S", 100.0)
    # What AppTest itself keeps in the session cannot be pickled; the browser tests run with it on.
    config.set_option("runner.enforceSerializableSessionState", value=False)

    def open_page(name: str) -> AppTest:
        script = f"from tco.app import {name}\n{name}.page()\n"
        return AppTest.from_string(script, default_timeout=120).run()

    return open_page
