"""Every number is shown and can be changed; what does not fit is refused and nothing moves."""

from datetime import date

import pytest

from tco.app.state import PLAN
from tco.charts.price_frames import price_table, price_tables
from tco.domain.changes import estimates, plain_numbers
from tests.app.conftest import Opened
from tests.shipped import data, evaluated, loaded


def test_every_driver_of_the_cost_is_listed_with_its_source(opened: Opened):
    page = opened("assumptions")
    assert not page.exception
    drivers = evaluated("ticket-classification/base").model.drivers()
    [table] = [one.value for one in page.dataframe if "figure" in one.value]
    assert set(table["figure"]) == set(drivers)
    assert (table["source"].str.len() > 0).all()


def test_organisation_and_scenario_are_told_apart():
    held = estimates(loaded("ticket-classification/base"))
    firm = [one.key for one in held if one.path[0] == "organisation"]
    assert "organisation.discount_rate_per_year.likely" in firm
    assert len(firm) < len(held)


def test_plain_numbers_keep_their_kind():
    found = {one.key: one for one in plain_numbers(loaded("ticket-classification/base"))}
    horizon = found["horizon_months"]
    assert isinstance(horizon.as_typed(24.0), int)
    assert horizon.as_typed(24.5) == 24.5  # refused by the scenario, not rounded here
    assert not any(key.endswith(".likely") for key in found)


@pytest.mark.parametrize("name", price_tables(data()[0]))
def test_each_price_row_shows_source_and_age(name: str):
    table = price_table(data()[0], name, date(2026, 11, 21))
    assert len(table) == len(data()[0].rows(name))
    assert (table["source"].str.len() > 0).all()
    old = table["age"].str.contains("check again")
    checked = table["checked_on"].map(date.fromisoformat)
    assert [(date(2026, 11, 21) - day).days > 90 for day in checked] == old.tolist()


def test_a_plan_can_be_reset(opened: Opened):
    page = opened("assumptions")
    before = page.session_state[PLAN]
    page.session_state[PLAN] = before.__class__(
        before.origin, before.origin.model_copy(update={"horizon_months": 24})
    )
    page.run()
    assert [box.key for box in page.selectbox if box.key == "reset-one"]
    page.button(key="reset-all").click().run()
    assert page.session_state[PLAN].changes == ()


@pytest.mark.parametrize("asked", ["Tries hours per run", "tries.hours_per_run"])
def test_an_input_is_found_by_its_words_and_by_its_key(opened: Opened, asked: str):
    page = opened("assumptions")
    page.text_input(key="search-scenario").set_value(asked).run()
    assert not page.exception
    [table] = [one.value for one in page.dataframe if "source or reason" in one.value][:1]
    assert table["key"].str.endswith("tries.hours_per_run").all()
    assert len(table) > 0
