"""Longer work begins when it is asked for, is cancelled on a word, and can be asked for again."""

import time

import pytest
from streamlit.testing.v1 import AppTest

from tco.app.jobs import Jobs
from tco.tasks import StoppedError, Watch

SCRIPT = """
import time
import streamlit as st
from tco.app.jobs import worked_out

def endless(watch):
    watch.wanted = 4
    watch.done = 1
    while True:
        watch.check()
        time.sleep(0.01)

found = worked_out("endless", endless, label="Begin", says="Going on")
st.markdown(f"found {found}")
"""


def test_work_can_be_asked_for_cancelled_and_asked_for_again():
    page = AppTest.from_string(SCRIPT, default_timeout=30).run()
    assert [button.label for button in page.button] == ["Begin"]
    page.button[0].click().run()
    assert [button.label for button in page.button] == ["Cancel"]
    page.button[0].click().run()
    assert [button.label for button in page.button] == ["Begin"]
    assert page.markdown[-1].value == "found None"


def test_stopping_ends_the_work_at_its_next_look():
    jobs = Jobs()

    def endless(watch: Watch) -> None:
        while True:
            watch.check()
            time.sleep(0.01)

    job = jobs.ask("a", endless)
    assert not job.is_there_within(0.05)
    assert jobs.ask("a", endless) is job, "the same work was begun twice"
    jobs.stop("a")
    with pytest.raises(StoppedError):
        job.future.result(timeout=2)
    assert jobs.ask("a", lambda _: 7).future.result(timeout=2) == 7


def test_a_refusal_is_said_in_words():
    page = AppTest.from_string(
        "from tco.app.jobs import worked_out\n"
        "from tco.errors import TcoError\n"
        "def no(watch):\n    raise TcoError('the fleet is too small')\n"
        "worked_out('refused', no, label='Begin', says='Going on', at_once=True)\n",
        default_timeout=30,
    ).run()
    assert [one.value for one in page.warning] == ["the fleet is too small"]


REFUSED_ONCE = """
import streamlit as st
from tco.app.jobs import worked_out
from tco.errors import TcoError

def work(watch):
    tries.append(1)
    if len(tries) == 1:
        raise TcoError("a worker died")
    return len(tries)

tries = st.session_state.setdefault("tries", [])
st.markdown(f"found {worked_out('tried', work, label='Begin', says='On', at_once=True)}")
"""


def test_what_was_refused_can_be_tried_again():
    page = AppTest.from_string(REFUSED_ONCE, default_timeout=30).run()
    assert page.markdown[-1].value == "found None"
    [again] = [button for button in page.button if button.label == "Try again"]
    again.click().run()
    assert page.markdown[-1].value == "found 2"
