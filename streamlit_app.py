"""The planner in a browser: the list of its pages, nothing else."""

import streamlit as st

from tco.app import compare, idle, overview, scenarios, training, uncertain, wizard

st.set_page_config(page_title="TCO planner", page_icon="📊", layout="wide")
st.navigation(
    [
        st.Page(overview.page, title="Overview", url_path="overview", default=True),
        st.Page(compare.page, title="Compare", url_path="compare"),
        st.Page(training.page, title="Training & experiments", url_path="training"),
        st.Page(idle.page, title="Idle waste", url_path="idle"),
        st.Page(uncertain.page, title="Uncertainty", url_path="uncertainty"),
        st.Page(scenarios.page, title="Scenarios", url_path="scenarios"),
        st.Page(wizard.page, title="New scenario", url_path="new"),
    ]
).run()
