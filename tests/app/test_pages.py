"""What pages say and do, without a browser."""

import pickle
import time

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Element

from tco.app.state import ADDRESS, PLAN
from tco.plan import in_scope
from tco.rank.scope import Scope
from tests.conftest import ROOT
from tests.shipped import evaluated

NAME = "ticket-classification/base"
ENTRY = str(ROOT / "streamlit_app.py")


@pytest.fixture(autouse=True)
def _bench(opened):
    """Every test here runs on the bench that ``opened`` sets up."""


def page_named(page: str) -> AppTest:
    """Open a page in a session of its own."""
    script = f"from tco.app import {page}\n{page}.page()"
    return answered(AppTest.from_string(script, default_timeout=60))


def answered(acted: AppTest | Element) -> AppTest:
    """Run on until the answer is there: a page shows the one before while it is worked out."""
    at: AppTest = acted.run()
    for _ in range(60):
        if not any(button.key == "cancel" for button in at.button):
            return at
        time.sleep(0.5)
        at.run()
    raise AssertionError("no answer within half a minute")


def texts(at: AppTest) -> str:
    """Return all that a page says in words."""
    kinds = (at.markdown, at.caption, at.warning, at.error, at.info, at.subheader)
    return "\n".join(element.value for kind in kinds for element in kind)


def figures(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_the_entry_opens_the_overview_with_the_engines_figures():
    at = answered(AppTest.from_file(ENTRY, default_timeout=60))
    best = evaluated(NAME).ranking.options[0]
    assert best.money is not None
    assert at.title[0].value == "Overview"
    assert not at.exception
    assert figures(at)["Total cost, USD"] == f"{best.money.basis_usd:,.0f}"
    assert figures(at)["USD per 1,000 requests"] == f"{best.money.cost_per_1k_usd:,.4g}"


@pytest.mark.parametrize("scope", [Scope.BILLS, Scope.PEOPLE])
def test_a_scope_counts_its_lines_alone_and_says_when_it_changes_the_winner(scope):
    at = page_named("overview")
    answered(at.selectbox(key="scope").set_value(scope))
    whole, seen = evaluated(NAME), in_scope(evaluated(NAME), scope)
    best = seen.ranking.options[0]
    assert best.money is not None
    assert figures(at)["Total cost, USD"] == f"{best.money.basis_usd:,.0f}"
    changes = best.option != whole.ranking.options[0].option
    assert ("by the full TCO" in texts(at)) is changes


def test_a_unit_of_cost_changes_the_card_and_the_table():
    at = page_named("overview")
    answered(at.selectbox(key="unit").set_value("per 1M tokens"))
    assert "USD per 1M tokens" in figures(at)
    assert "per 1M tokens, USD" in at.table[0].value.columns


def test_a_shorter_horizon_costs_less_and_every_change_can_be_undone():
    at = page_named("overview")
    before = figures(at)
    answered(at.selectbox(key="horizon").set_value(12))
    shorter = figures(at)
    assert float(shorter["Total cost, USD"].replace(",", "")) < 109_000
    answered(at.number_input(key="budget").set_value(1.0))
    assert "No option meets every goal" in texts(at)
    answered(at.button(key="undo-changes").click())
    assert figures(at) == before


def test_what_was_changed_is_kept_as_a_draft_and_found_again():
    at = answered(AppTest.from_file(ENTRY, default_timeout=60))
    answered(at.select_slider(key="volume").set_value(1.1))
    kept = at.query_params[ADDRESS]
    again = AppTest.from_file(ENTRY, default_timeout=60)
    again.query_params[ADDRESS] = kept
    answered(again)
    assert figures(again) == figures(at)
    assert again.select_slider(key="volume").value == 1.1


def test_values_of_an_address_that_mean_nothing_are_named():
    at = AppTest.from_string("from tco.app import overview\noverview.page()", default_timeout=60)
    at.query_params["volume"] = "9999"
    at.query_params["scenario"] = "Bogus"
    at.run()
    said = "2 values in this link were not valid and were ignored: volume=9999, scenario=Bogus"
    assert said in texts(at).replace("\\", "")


def test_a_plan_that_is_gone_is_told_and_the_example_opens():
    at = AppTest.from_string("from tco.app import overview\noverview.page()", default_timeout=60)
    at.query_params[ADDRESS] = "0123456789abcdef"
    at.run()
    assert "no saved scenario '0123456789abcdef'" in texts(at).replace("\\", "")
    assert len(at.metric) == 5


def test_a_fault_of_ours_shows_a_reference_and_no_trace(monkeypatch, caplog):
    def fails(shown):
        raise RuntimeError("/secret/path broke")

    monkeypatch.setattr("tco.app.overview._cards", fails)
    monkeypatch.setattr("tco.app.overview._months", fails)
    at = AppTest.from_string(
        "from tco.app import shell\n"
        "@shell.result_page('T', 'q')\n"
        "def page(shown):\n    raise RuntimeError('/secret/path broke')\n"
        "page()",
        default_timeout=60,
    ).run()
    assert "pass on the reference" in at.error[0].value
    assert "secret" not in texts(at)
    assert not at.exception
    reference = at.error[0].value.rpartition(" ")[2].rstrip(".")
    assert reference in caplog.text


def test_options_are_compared_with_the_engines_totals():
    at = page_named("compare")
    assert not at.error
    first = evaluated(NAME).ranking.options[0]
    assert first.money is not None
    totals = [metric.value for metric in at.metric]
    assert f"{first.money.basis_usd:,.0f}" in totals
    question = at.selectbox(key="compare-question")
    question.set_value("Build or buy").run()
    assert len(at.metric) == 2
    assert not at.error


def test_a_newcomer_gets_a_complete_scenario_and_can_put_its_numbers_right():
    at = page_named("wizard")
    at.selectbox(key="new-task").set_value(NAME).run()
    at.number_input(key="new-requests").set_value(250_000.0).run()
    at.button(key="new-make").click().run()
    assert not at.error
    plan = at.session_state[PLAN]
    assert plan.scenario.name == "mine"
    assert plan.scenario.workload.requests_per_month.likely == 250_000
    assert "What this plan assumes" in texts(at)
    assert len(at.dataframe) + len(at.get("arrow_data_frame")) >= 1


def test_what_is_pasted_wrong_is_named_and_nothing_is_made():
    at = page_named("wizard")
    at.radio(key="new-way").set_value("Months from a spreadsheet").run()
    at.text_area(key="new-pasted").set_value("1000\nabc").run()
    assert "month 2: 'abc' is not a number" in texts(at).replace("\\", "")


def test_a_plan_is_saved_under_a_title_duplicated_and_renamed():
    at = page_named("scenarios")
    at.text_input(key="save-title").set_value("Mine").run()
    at.button(key="save").click().run()
    assert "**Mine**" in texts(at)
    keys = [str(button.key) for button in at.button]
    [id_] = [key.removeprefix("copy-") for key in keys if key.startswith("copy-")]
    at.button(key=f"copy-{id_}").click().run()
    assert "**Copy of Mine**" in texts(at)
    at.text_input(key=f"title-{id_}").set_value("Yours").run()
    at.button(key=f"rename-{id_}").click().run()
    assert "**Yours**" in texts(at)


def test_what_a_session_holds_can_be_written_down():
    at = page_named("overview")
    answered(at.select_slider(key="volume").set_value(1.1))
    held = {name: at.session_state[name] for name in (PLAN, "kept", "who", "shown")}
    assert pickle.loads(pickle.dumps(held))[PLAN].digest == held[PLAN].digest
