"""What machines draw at the meter: per request, idle, and the grid behind it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from tco.domain.deployment import SelfHostedDeployment
from tco.domain.hardware import Accelerator, Instance
from tco.domain.record import Evidence, worse
from tco.errors import TcoError
from tco.ledger.expression import Driver, Expression, Number, driver
from tco.prices import Catalog
from tco.units import GRAMS_PER_KILOGRAM, JOULES_PER_KWH, WATTS_PER_KILOWATT

HYPERSCALERS = ("aws", "azure", "gcp")


@dataclass(frozen=True, slots=True)
class Energy:
    """Energy at the meter; what nobody measured is absent."""

    kwh_per_request: Expression | None
    idle_kw_per_instance: Expression | None
    """Of an instance whose accelerators all have a model loaded and no work [kW]."""
    co2e_kg_per_kwh: Expression | None


def energy_of(
    deployment: SelfHostedDeployment,
    instance: Instance,
    board_j: Expression | None,
    catalog: Catalog,
    on: date,
) -> Energy:
    """Carry joules and idle watts of the boards to the meter of the site.

    Args:
        deployment: Says where the machines stand.
        instance: Says which accelerators are in them.
        board_j: Energy of a request at the accelerator boards [J].
        catalog: Planning figures, idle power, grids.
        on: Day of the figures.
    """
    seller = deployment.machine.seller
    at_the_meter = _board_to_meter(seller, catalog, on)
    idle_board_w = _idle_board_w(instance, catalog)
    per_request = idle = None
    if at_the_meter is not None and board_j is not None:
        per_request = board_j * at_the_meter / Number(JOULES_PER_KWH, "joules in a kilowatt-hour")
    if at_the_meter is not None and idle_board_w is not None:
        boards = Number(instance.accelerator_count, "accelerators of an instance")
        watts = Number(WATTS_PER_KILOWATT, "watts in a kilowatt")
        idle = idle_board_w * boards * at_the_meter / watts
    grid = _grid(deployment.machine.region, seller, catalog, on)
    return Energy(per_request, idle, grid)


def _board_to_meter(seller: str, catalog: Catalog, on: date) -> Expression | None:
    """Return energy at the site's meter over that of the boards [-]; None where it is not known."""
    site = "pue_hyperscale" if seller in HYPERSCALERS else "pue_colocation"
    try:
        server, hall = (catalog.figure(name, on=on) for name in ("board_to_wall", site))
    except TcoError:
        return None
    return driver("figure.board_to_wall", "-", server) * driver(f"figure.{site}", "-", hall)


def _idle_board_w(instance: Instance, catalog: Catalog) -> Expression | None:
    if instance.accelerator is None:
        return None
    try:
        found: Accelerator = catalog.accelerator(instance.accelerator)
    except TcoError:
        return None
    if found.idle_w is None:
        return None
    evidence = worse(found.idle_evidence or Evidence.ASSUMED, Evidence.ESTIMATED)
    return Driver(
        f"hardware.{found.name}.idle_w",
        "W",
        found.idle_w,
        evidence,
        f"idle power of a board with a model loaded, {found.source}",
        found.idle_low_w,
        found.idle_high_w,
    )


def _grid(region: str, seller: str, catalog: Catalog, on: date) -> Expression | None:
    """Return the carbon of a kilowatt-hour [kg CO2e/kWh]; None where the table has none."""
    try:
        known = catalog.electricity(region, on=on, seller=seller)
    except TcoError:
        return None
    if known.carbon_g_per_kwh is None:
        return None
    grams = Driver(
        f"electricity.{known.region}.carbon_g_per_kwh",
        "g/kWh",
        known.carbon_g_per_kwh,
        known.carbon_evidence or Evidence.PUBLISHED,
        known.carbon_source or "the table of grids",
    )
    return grams / Number(GRAMS_PER_KILOGRAM, "grams in a kilogram")
