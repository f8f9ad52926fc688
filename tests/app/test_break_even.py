"""The tab of break-even proposes stages and spends budgets as the engine does, by hand."""

import pytest
from streamlit.testing.v1 import AppTest

from tco.app.state import PLAN, Materials
from tco.plan import Evaluation
from tco.store.plan import Plan
from tests.app.conftest import Opened
from tests.cases import worked_plans
from tests.test_staging import plan as growing_plan

SCRIPT = "from tco.app import compare\ncompare.page()\n"


@pytest.fixture
def at_work(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """Open the page on a plan whose two options cross, with the prices it was worked with."""
    found: Evaluation = growing_plan(fixed=2500, migration=300)
    known = Materials(worked_plans.catalog(), worked_plans.measurements())
    monkeypatch.setattr("tco.app.state.materials", lambda: known)
    page = AppTest.from_string(SCRIPT, default_timeout=120)
    page.session_state[PLAN] = Plan(found.scenario, found.scenario)
    page.run()
    assert not page.exception
    assert not page.error
    return page


def press(page: AppTest, label: str) -> AppTest:
    [button] = [one for one in page.button if one.label == label]
    pressed: AppTest = button.click().run()
    assert not pressed.exception
    return pressed


def texts(page: AppTest) -> str:
    return "\n".join(one.value for one in page.markdown).replace("\\", "")


def test_a_plan_in_stages_is_proposed_with_its_month_and_saving(at_work: AppTest):
    """Small from month 3 costs 10,050: 520 less than Small alone."""
    page = press(at_work, "Find volumes, and plans in stages")
    assert (
        "proposed in stages: Big through its API, then Small through its API from month 3, "
        "USD 10,050, saves USD 520 against small alone"
    ) in texts(page)


def test_a_proposal_is_added_to_the_scenario_and_ranked_as_it_was_proposed(at_work: AppTest):
    press(at_work, "Find volumes, and plans in stages")
    page = press(at_work, "Add to the scenario")
    assert not page.error
    assert not page.warning
    [added] = set(page.session_state[PLAN].edited.candidates) - {"big", "small"}
    assert added == "proposed-big-then-small-from-month-3"
    assert "10,050" in [card.value for card in page.metric]


def test_a_budget_buys_the_volume_that_is_worked_by_hand(at_work: AppTest):
    """3,000 a month are 12,000: Small takes 10,000 and 570 for each 5.7 million requests."""
    page = at_work.number_input(key="buys-usd-per-month").set_value(3000.0).run()
    page = press(page, "Find volume and quality")
    assert "USD 3,000 a month over 4 months buys" in texts(page)
    assert "requests a month" in texts(page)
    assert "with small (USD 3,000 a month; more costs more)" in texts(page)
