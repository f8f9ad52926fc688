"""Every test begins with no simulation in memory."""

import pytest

from tco.sweep.answer import _at_hand


@pytest.fixture(autouse=True)
def _nothing_at_hand() -> None:
    _at_hand.cache_clear()
