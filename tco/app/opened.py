"""A number opened down to the lines it is a sum of: quantity, price, source, date, evidence."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from tco.app.words import plain
from tco.charts.frames import priced
from tco.ledger import book
from tco.ledger.explain import open_option
from tco.plan import Evaluation


@st.dialog("How this number comes about", width="large")
def show_opened(found: Evaluation, option: str, rows: pd.DataFrame) -> None:
    """Show the lines behind a number, and the arithmetic of its option."""
    titles = {answer.option: answer.title for answer in priced(found)}
    total = book.total_usd(rows)
    st.markdown(
        f"**{plain(titles[option])}**: USD {total:,.2f} over {found.scenario.horizon_months} "
        f"months, nominal, prices of {found.scenario.price_date:%Y-%m-%d}"
    )
    if rows.empty:
        st.info("No line of this option belongs here: there is nothing to pay.")
        return
    st.dataframe(
        book.line_table(rows),
        hide_index=True,
        width="stretch",
        alt="The lines behind the number, the largest first",
        column_config=LINE_COLUMNS,
    )
    with st.expander("The arithmetic of the whole option, line by line"):
        st.code("\n".join(open_option(found.model, option).lines()), language=None, wrap_lines=True)


LINE_COLUMNS = {
    "quantity": st.column_config.NumberColumn(format="localized"),
    "unit_price_from_usd": st.column_config.NumberColumn("unit price from, USD", format="%.6g"),
    "unit_price_to_usd": st.column_config.NumberColumn("to, USD", format="%.6g"),
    "cost_usd": st.column_config.NumberColumn("cost, USD", format="%.2f"),
    "price_ref": st.column_config.TextColumn("source of the price", width="large"),
    "quantity_ref": st.column_config.TextColumn("source of the quantity", width="large"),
}
