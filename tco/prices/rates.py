"""One form of a price turned into another, so that unlike offers stand side by side."""

from __future__ import annotations

from tco.units import HOURS_PER_QUOTED_MONTH, SECONDS_PER_HOUR, TOKENS_PER_MTOK


def usd_per_mtok(*, usd_per_hour: float, tokens_per_s: float) -> float:
    """Return what a million tokens cost on a rented machine at a steady speed [USD].

    The form of arXiv 2606.11690: rent over the tokens *achieved*; at a low request rate these are
    far fewer than the machine could do, and the price rises in proportion.

    >>> round(usd_per_mtok(usd_per_hour=6.98, tokens_per_s=6238.0), 3)
    0.311
    """
    return usd_per_hour / (tokens_per_s * SECONDS_PER_HOUR) * TOKENS_PER_MTOK


def usd_per_quoted_month(*, usd_per_hour: float, share_on: float = 1.0) -> float:
    """Return the price of a month of 730 hours of which a machine is on for a share [USD].

    For comparison with prices that vendors quote per month; plans use real calendar hours.
    """
    return usd_per_hour * HOURS_PER_QUOTED_MONTH * share_on


def break_even_mtok_per_month(*, fixed_usd_per_month: float, usd_per_mtok: float) -> float:
    """Return from how many million tokens a month a fixed price is the cheaper one."""
    return fixed_usd_per_month / usd_per_mtok
