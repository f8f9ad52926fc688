"""Altair only, one function a chart, no Streamlit: the app, reports and pictures draw the same."""
