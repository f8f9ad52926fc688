"""Energy and carbon: from watts at the board to money and grams at the meter."""

from __future__ import annotations

from tco.domain.price import Electricity, Quote
from tco.errors import MissingFigureError
from tco.units import GRAMS_PER_KILOGRAM, WATTS_PER_KILOWATT

KILOGRAMS_PER_TONNE = 1000.0


def tariff(electricity: Electricity) -> Quote:
    """Return the price of a kilowatt-hour.

    Raises:
        MissingFigureError: If the table has no tariff for the region.
    """
    if electricity.tariff is None:
        raise MissingFigureError(
            f"no electricity tariff for region '{electricity.region}'. "
            "Add a row with measure 'tariff' to electricity.csv, from a bill or a statistic."
        )
    return electricity.tariff


def carbon_g_per_kwh(electricity: Electricity) -> float:
    """Return the carbon intensity of the grid [g CO2e/kWh].

    Raises:
        MissingFigureError: If the table has no intensity for the region.
    """
    if electricity.carbon_g_per_kwh is None:
        raise MissingFigureError(
            f"no carbon intensity for region '{electricity.region}'. "
            "Add a row with measure 'carbon' to electricity.csv."
        )
    return electricity.carbon_g_per_kwh


def meter_kwh(*, board_w: float, hours: float, board_to_wall: float, pue: float) -> float:
    """Return the energy at the site's meter for a board's power [kWh].

    Args:
        board_w: Average power of the accelerator boards [W].
        hours: How long [h].
        board_to_wall: Power of the whole server over that of its boards [-].
        pue: Power of the whole site over that of its servers [-].
    """
    return board_w / WATTS_PER_KILOWATT * hours * board_to_wall * pue


def carbon_usd_per_kwh(*, g_per_kwh: float, usd_per_tonne: float) -> float:
    """Return the internal price of the carbon in a kilowatt-hour [USD/kWh].

    >>> carbon_usd_per_kwh(g_per_kwh=400.0, usd_per_tonne=100.0)
    0.04
    """
    return g_per_kwh / (GRAMS_PER_KILOGRAM * KILOGRAMS_PER_TONNE) * usd_per_tonne
