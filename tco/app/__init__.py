"""The Streamlit app: one file a page; no arithmetic, every figure is a sum over the lines."""
