"""The page of idle waste says what the ledger says."""

import pytest

from tco.ledger.waste import capacity_use
from tests.app.conftest import Opened
from tests.shipped import evaluated


def test_the_cards_are_sums_over_the_lines(opened: Opened):
    page = opened("idle")
    page.selectbox(key="idle-option").set_value("encoder").run()
    assert not page.exception
    use = capacity_use(evaluated("ticket-classification/base").ledger, "encoder")
    cards = {metric.label: metric.value for metric in page.metric}
    assert cards["Capacity paid for, USD"] == f"{use.paid_usd:,.2f}"
    assert cards["Idle and wasted, USD"] == f"{use.lost_usd:,.2f}"
    shown = sum(float(usd.replace(",", "")) for usd in page.table[0].value["USD"])
    assert shown == pytest.approx(use.lost_usd, abs=0.01 * len(use.wastes))
