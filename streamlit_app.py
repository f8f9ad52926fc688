"""The planner in a browser: the list of its pages, nothing else."""

import streamlit as st

from tco.app import overview

st.set_page_config(page_title="TCO planner", page_icon="📊", layout="wide")
st.navigation(
    [
        st.Page(overview.page, title="Overview", url_path="overview", default=True),
    ]
).run()
