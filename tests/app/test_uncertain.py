"""The page of uncertainty shows the ranges of all draws."""

from dataclasses import replace

from tests.app.conftest import Opened
from tests.shipped import evaluated


def test_ranges_budgets_and_flips_are_those_of_the_engine(opened: Opened):
    page = opened("uncertain")
    assert not page.exception
    found = evaluated("ticket-classification/base")
    best = found.ranking.options[0]
    known = found.outlook.uncertainty.ranges[best.option]
    cards = {metric.label: metric.value for metric in page.metric}
    assert cards["P90, USD"] == f"{known.total_usd[90]:,.0f}"
    assert cards["Chance of being the cheapest"] == f"{known.p_cheapest:.0%}"
    [budgets] = [table.value for table in page.table if "contingency, USD" in table.value]
    assert list(budgets["budget, USD"]) == [f"{b.total_usd:,.2f}" for b in known.budgets]
    told = " ".join(one.value for one in page.markdown)
    assert found.outlook.flip_sentences[0][:40] in told.replace("\\", "")


def test_nothing_ranked_is_said(opened: Opened, monkeypatch):
    from tco.app import shell

    whole = evaluated("ticket-classification/base")
    none = replace(whole, ranking=replace(whole.ranking, options=()))
    monkeypatch.setattr(shell.Shown, "found", property(lambda _: none))
    page = opened("uncertain")
    assert any("Nothing is ranked" in one.value for one in page.info)
