"""Without an identity provider everybody is at home; with one, nobody comes in unknown."""

from streamlit.testing.v1 import AppTest

SCRIPT = """
import streamlit as st
from tco.app import sign_in
sign_in.gate()
st.markdown("inside")
"""


def test_on_ones_own_machine_nobody_is_asked():
    page = AppTest.from_string(SCRIPT).run()
    assert [one.value for one in page.markdown] == ["inside"]


def test_with_a_provider_a_stranger_sees_the_door_alone():
    page = AppTest.from_string(SCRIPT)
    page.secrets["auth"] = {"client_id": "planner"}
    page.run()
    assert not page.exception
    assert [button.key for button in page.button] == ["sign-in"]
    assert "inside" not in [one.value for one in page.markdown]
