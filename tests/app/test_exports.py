"""Files of the page are those of the one exporter, byte for byte."""

import pytest

from tco.export.facts import file_name
from tco.export.files import Format, Wanted, export_files, with_scenarios
from tco.rank.comparison import compared
from tests.app.conftest import Opened
from tests.shipped import LIBRARY, data, evaluated


def test_a_budget_made_on_the_page_is_that_of_the_exporter(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
):
    given: dict[str, bytes] = {}
    monkeypatch.setattr(
        "tco.app.exports.st.download_button",
        lambda label, content, file, *rest, **more: given.update({file: content}),
    )
    page = opened("exports")
    formats = [Format.WORKBOOK, Format.BUDGET, Format.FOCUS, Format.REPORT]
    page.multiselect(key="export-formats").set_value(formats)
    page.text_input(key="export-label").set_value("=1+1")
    page.selectbox(key="export-level").set_value("P80").run()
    page.checkbox(key="export-recovery").uncheck().run()
    [make] = [button for button in page.button if button.label == "Make the files"]
    make.click().run()
    assert not page.exception
    found = evaluated("ticket-classification/base")
    best = found.ranking.options[0].option
    crossings = compared(found.outlook, found.requests_answered, None)
    wanted = Wanted(formats, best, label="=1+1", level="P80", crossings=crossings)
    file = LIBRARY.find(found.scenario.id)
    assert given == export_files(found, with_scenarios(found, wanted, LIBRARY, file, *data()))
    assert b"\n'=1+1,P80," in given[file_name(found, "budget.csv")]
    assert file_name(found, "budget.csv") in given


def test_nothing_chosen_is_said(opened: Opened):
    page = opened("exports")
    page.multiselect(key="export-formats").set_value([]).run()
    assert any("Choose a file" in one.value for one in page.info)
