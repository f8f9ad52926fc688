"""The page of training and experiments says what the ledger says."""

from tco.ledger.making import making
from tests.app.conftest import Opened
from tests.shipped import evaluated


def test_the_cards_are_sums_over_the_lines_of_the_chosen_option(opened: Opened):
    page = opened("training")
    page.selectbox(key="made-option").set_value("encoder").run()
    assert not page.exception
    found = evaluated("ticket-classification/base")
    one = making(found.model, found.ledger, "encoder")
    cards = {metric.label: metric.value for metric in page.metric}
    assert cards["To make it, USD"] == f"{one.whole_usd:,.0f}"
    assert cards["Runs that led nowhere, USD"] == f"{one.lost_usd:,.2f}"
    assert cards["Inference passes training"] == "never"


def test_an_option_without_retraining_says_so(opened: Opened):
    page = opened("training")
    page.selectbox(key="made-option").set_value("llm-api").run()
    assert any("No retraining is planned" in one.value for one in page.info)
