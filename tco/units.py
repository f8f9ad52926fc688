"""Every constant and conversion of units; nothing else in the house writes 3600 or 730."""

from __future__ import annotations

import calendar
from datetime import date

SECONDS_PER_MINUTE = 60.0
SECONDS_PER_HOUR = 3600.0
MINUTES_PER_HOUR = 60.0
MILLISECONDS_PER_SECOND = 1000.0
NANOSECONDS_PER_SECOND = 1e9
MICROSECONDS_PER_SECOND = 1e6
HOURS_PER_DAY = 24
HOURS_PER_WEEK = 168
MONTHS_PER_YEAR = 12
HOURS_PER_QUOTED_MONTH = 730.0
"""Only converts prices that a vendor quotes per month; a plan's months have their real hours."""
HOURS_PER_YEAR = 8760.0
"""Only converts yearly figures (salaries, terms of commitments); not a calendar."""
JOULES_PER_KWH = 3.6e6
WH_PER_KWH = 1000.0
TOKENS_PER_MTOK = 1e6
REQUESTS_PER_THOUSAND = 1000.0
TOKENS_PER_MILLION = 1e6
WATTS_PER_KILOWATT = 1000.0
GRAMS_PER_KILOGRAM = 1000.0
FLOP_PER_TFLOP = 1e12
BYTES_PER_GB = 1e9
KB_PER_GB = 1e6
BYTES_PER_GIB = 2.0**30


def month_start(first: date, months_later: int) -> date:
    """Return the first day of the month that lies ``months_later`` after ``first``.

    >>> month_start(date(2026, 11, 1), 3)
    datetime.date(2027, 2, 1)
    """
    index = first.year * MONTHS_PER_YEAR + first.month - 1 + months_later
    return date(index // MONTHS_PER_YEAR, index % MONTHS_PER_YEAR + 1, 1)


def hours_in_month(first: date) -> int:
    """Return the real calendar hours of the month [h], in UTC.

    >>> hours_in_month(date(2028, 2, 1))
    696
    """
    return calendar.monthrange(first.year, first.month)[1] * HOURS_PER_DAY
