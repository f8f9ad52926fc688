"""Sign-in, where this server has an identity provider; on one's own machine there is none.

Streamlit speaks OpenID Connect with the provider that ``[auth]`` in its secrets names. Whoever is
signed in has a folder of plans of their own.
"""

from __future__ import annotations

import streamlit as st


def gate() -> None:
    """Let nobody in who has to sign in first."""
    if not is_asked_for():
        return
    if st.user.get("is_logged_in"):
        st.sidebar.button("Sign out", on_click=st.logout, key="sign-out", type="tertiary")
        return
    st.title("TCO planner")
    st.markdown("Sign in with your organisation's account to open the planner.")
    st.button("Sign in", on_click=st.login, type="primary", key="sign-in")
    st.stop()


def is_asked_for() -> bool:
    """Tell whether an identity provider is set up."""
    return st.secrets.load_if_toml_exists() and "auth" in st.secrets
