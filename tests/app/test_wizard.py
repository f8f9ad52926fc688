"""A newcomer's volume, as people count it or as a spreadsheet holds it, becomes a whole plan."""

from tco.app.state import PLAN
from tco.domain.changes import estimates
from tests.app.conftest import Opened

NAME = "ticket-classification/base"


def test_users_times_requests_become_the_volume_and_every_number_is_listed(opened: Opened):
    page = opened("wizard")
    page.selectbox(key="new-task").set_value(NAME).run()
    page.radio(key="new-way").set_value("Users and what each asks").run()
    page.number_input(key="new-users").set_value(2_000.0).run()
    page.number_input(key="new-each").set_value(30.0).run()
    page.button(key="new-make").click().run()
    assert not page.exception
    assert not page.error
    plan = page.session_state[PLAN]
    assert plan.volumes[1.0] == 2_000 * 30
    told = "\n".join(one.value for one in page.markdown)
    assert f"It rests on {len(estimates(plan.edited))} numbers" in told


def test_36_months_from_a_spreadsheet_become_a_plan_of_36_months(opened: Opened):
    page = opened("wizard")
    page.selectbox(key="new-task").set_value(NAME).run()
    page.radio(key="new-way").set_value("Months from a spreadsheet").run()
    months = [100_000 + 1_000 * k for k in range(36)]
    page.text_area(key="new-pasted").set_value("\n".join(f"{m:,}" for m in months)).run()
    assert any("36 months" in one.value for one in page.caption)
    page.button(key="new-make").click().run()
    assert not page.exception
    assert not page.error
    plan = page.session_state[PLAN]
    assert plan.scenario.horizon_months == 36
    assert list(plan.scenario.workload.monthly_requests) == months
