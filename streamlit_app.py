"""The planner in a browser: the list of its pages, nothing else."""

import streamlit as st

from tco.app import (
    assumptions,
    compare,
    exports,
    idle,
    measured,
    method,
    overview,
    scenarios,
    shell,
    sign_in,
    sweeps,
    training,
    uncertain,
    uploads,
    wizard,
)

st.set_page_config(page_title="TCO planner", page_icon="📊", layout="wide")
sign_in.gate()
shell.every_page()
st.navigation(
    [
        st.Page(overview.page, title="Overview", default=True),
        st.Page(compare.page, title="Compare", url_path="compare"),
        st.Page(training.page, title="Training & experiments", url_path="training"),
        st.Page(idle.page, title="Idle waste", url_path="idle"),
        st.Page(uncertain.page, title="Uncertainty", url_path="uncertainty"),
        st.Page(sweeps.page, title="Sweeps", url_path="sweeps"),
        st.Page(measured.page, title="Snapshots & measurements", url_path="measurements"),
        st.Page(scenarios.page, title="Scenarios", url_path="scenarios"),
        st.Page(assumptions.page, title="Assumptions", url_path="assumptions"),
        st.Page(wizard.page, title="New scenario", url_path="new"),
        st.Page(uploads.page, title="Uploads", url_path="uploads"),
        st.Page(exports.page, title="Export", url_path="export"),
        st.Page(method.page, title="Method", url_path="method"),
    ],
    expanded=True,  # every page is in sight, and within reach of a keyboard
).run()
