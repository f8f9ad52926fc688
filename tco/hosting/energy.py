"""What machines draw at the meter: per request, idle, and the grid behind it."""

from __future__ import annotations

from datetime import date

from tco.domain.deployment import OwnSite, SelfHostedDeployment
from tco.domain.hardware import Accelerator, Instance
from tco.domain.measured import EnergyScope
from tco.domain.record import Evidence, worse
from tco.errors import TcoError
from tco.hosting.machines import Rented
from tco.hosting.request_time import Joules
from tco.ledger.expression import Driver, Expression, Number, driver
from tco.ledger.machines import Energy
from tco.prices import Catalog
from tco.units import GRAMS_PER_KILOGRAM, JOULES_PER_KWH, WATTS_PER_KILOWATT

HYPERSCALERS = ("aws", "azure", "gcp")


def energy_of(
    path: str,
    deployment: SelfHostedDeployment,
    rented: Rented,
    joules: Joules | None,
    catalog: Catalog,
    on: date,
) -> Energy:
    """Carry joules and idle watts to the meter of the site.

    Joules of the processor alone, or of a host without its fans and supply, are left out: no factor
    from there to the meter is known.

    Args:
        path: Key path of the deployment.
        deployment: Says where the machines stand.
        rented: Says which accelerators are in them, and how many replicas.
        joules: Energy of serving, at the boards or at the wall.
        catalog: Planning figures, idle power, grids.
        on: Day of the figures.
    """
    if deployment.own_site is not None:
        return _of_own_site(path, deployment.own_site, catalog, on)
    seller, instance = deployment.machine.seller, rented.instance
    at_the_meter = _board_to_meter(seller, catalog, on)
    idle_board_w = _idle_board_w(instance, catalog)
    watts = Number(WATTS_PER_KILOWATT, "watts in a kilowatt")
    per_request = busy = idle = None
    of_joules = None
    if joules is not None and joules.scope is EnergyScope.BOARD:
        of_joules = at_the_meter
    elif joules is not None and joules.scope is EnergyScope.WALL:
        of_joules = _site(seller, catalog, on)
    if of_joules is not None and joules is not None:
        in_a_kwh = Number(JOULES_PER_KWH, "joules in a kilowatt-hour")
        per_request = joules.per_request_j * of_joules / in_a_kwh
        if joules.busy_w is not None:
            replicas = Number(1 / rented.packing.share_of_instance, "replicas an instance")
            busy = joules.busy_w * replicas * of_joules / watts
    if at_the_meter is not None and idle_board_w is not None:
        boards = Number(instance.accelerator_count, "accelerators of an instance")
        idle = idle_board_w * boards * at_the_meter / watts
    grid = _grid(deployment.machine.region, seller, catalog, on)
    return Energy(per_request, busy, idle, grid)


def _of_own_site(path: str, site: OwnSite, catalog: Catalog, on: date) -> Energy:
    """Take the power of servers as it is stated; requests draw nothing beside it."""
    pue = driver(f"{path}.own_site.pue", "-", site.pue)
    busy = driver(f"{path}.own_site.busy_kw_per_instance", "kW", site.busy_kw_per_instance)
    idle = driver(f"{path}.own_site.idle_kw_per_instance", "kW", site.idle_kw_per_instance)
    grid = _grid(site.electricity_region, None, catalog, on)
    return Energy(None, busy * pue, idle * pue, grid)


def _board_to_meter(seller: str, catalog: Catalog, on: date) -> Expression | None:
    """Return energy at the site's meter over that of the boards [-]; None where it is not known."""
    site = _site(seller, catalog, on)
    try:
        server = catalog.figure("board_to_wall", on=on)
    except TcoError:
        return None
    return None if site is None else driver("figure.board_to_wall", "-", server) * site


def _site(seller: str, catalog: Catalog, on: date) -> Expression | None:
    """Return energy at the site's meter over that at the wall of a server [-], if it is known."""
    name = "pue_hyperscale" if seller in HYPERSCALERS else "pue_colocation"
    try:
        return driver(f"figure.{name}", "-", catalog.figure(name, on=on))
    except TcoError:
        return None


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
        found.checked_on,
    )


def _grid(region: str, seller: str | None, catalog: Catalog, on: date) -> Expression | None:
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
        checked_on=known.carbon_checked_on,
    )
    return grams / Number(GRAMS_PER_KILOGRAM, "grams in a kilogram")
