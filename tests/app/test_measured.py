"""The page of snapshots says which goal an option fails, and shows every measurement."""

from tests.app.conftest import Opened
from tests.shipped import data, evaluated


def test_what_is_left_out_says_why_and_curves_open(opened: Opened):
    page = opened("measured")
    assert not page.exception
    found = evaluated("ticket-classification/base")
    [goals] = [table.value for table in page.table if "goals" in table.value]
    assert len(goals) == len(found.scenario.candidates)
    left_out = found.ranking.excluded[0]
    [why] = goals[goals["option"].str.replace("\\", "") == left_out.title]["why"]
    assert left_out.reasons[0][:30] in why.replace("\\", "")
    page.toggle(key="measured-every").set_value(True).run()
    assert not page.exception
    names = [one.id for one in data()[1].servings]
    assert page.selectbox(key="measured-one").options == names
    page.selectbox(key="measured-one").set_value(names[-1]).run()
    assert not page.exception
