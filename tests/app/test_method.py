"""The page of method carries the written method and this plan's arithmetic."""

from tco.app.method import GRADES, sections
from tco.data import method_text
from tco.domain.record import Evidence
from tco.ledger.explain import open_option
from tests.app.conftest import Opened
from tests.shipped import evaluated


def test_every_section_of_the_written_method_is_there(opened: Opened):
    page = opened("method")
    assert not page.exception
    titles = [one.label for one in page.expander]
    assert [title for title, _ in sections(method_text())] == titles[: len(titles) - 1]
    found = evaluated("ticket-classification/base")
    best = found.ranking.options[0].option
    assert page.code[0].value == "\n".join(open_option(found.model, best).lines())


def test_every_grade_has_a_meaning():
    assert list(GRADES) == list(Evidence)
