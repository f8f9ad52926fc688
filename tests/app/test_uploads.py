"""An upload is looked at first; a bad one changes nothing; nobody else has it."""

from dataclasses import dataclass

import pytest

from tco.app.state import BROUGHT
from tco.store.brought import Kind
from tests.app.conftest import Opened
from tests.store.test_brought import PERSON, prices


@dataclass
class Uploaded:
    name: str
    raw: bytes

    def getvalue(self) -> bytes:
        return self.raw


@pytest.fixture
def uploads(monkeypatch: pytest.MonkeyPatch):
    def bring(name: str, raw: bytes) -> None:
        monkeypatch.setattr(
            "tco.app.uploads.st.file_uploader", lambda *_, **__: Uploaded(name, raw)
        )

    return bring


def test_a_good_price_table_counts_for_this_session_alone(opened: Opened, uploads):
    uploads("people.csv", prices(PERSON).raw)
    page = opened("uploads")
    page.selectbox(key="upload-kind").set_value(Kind.PRICES).run()
    assert not page.exception
    page.button(key="upload-take").click().run()
    assert [file.name for file in page.session_state[BROUGHT]] == ["people.csv"]
    other = opened("uploads")
    assert BROUGHT not in other.session_state


def test_a_bad_one_is_told_row_by_row_and_nothing_is_kept(opened: Opened, uploads):
    uploads("people.csv", prices(PERSON.replace(",99,", ",-5,"), PERSON).raw)
    page = opened("uploads")
    page.selectbox(key="upload-kind").set_value(Kind.PRICES).run()
    assert not page.exception
    assert "Not taken" in page.error[0].value
    assert any("people.csv:2" in one.value.replace("\\", "") for one in page.markdown)
    assert not [button for button in page.button if button.key == "upload-take"]
    assert BROUGHT not in page.session_state
