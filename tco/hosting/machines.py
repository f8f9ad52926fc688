"""The machines of a deployment: their price, how replicas lie on them, what is refused."""

from __future__ import annotations

from dataclasses import dataclass

from tco.domain.deployment import SelfHostedDeployment
from tco.domain.hardware import Instance
from tco.domain.machine import MachineChoice
from tco.domain.price import Purchase, Quote
from tco.domain.scenario import Scenario
from tco.domain.snapshot import Snapshot
from tco.errors import InfeasibleError
from tco.prices import Catalog
from tco.prices.energy import tariff
from tco.sim.case import Machine
from tco.sim.packing import instances_needed, replicas_per_instance, share_of_instance


@dataclass(frozen=True, slots=True)
class Rented:
    """An instance type at a price, and how replicas lie on it."""

    instance: Instance
    packing: Machine
    quotes: dict[Purchase, Quote]
    """Prices of its instances by how they are bought."""
    tariff: Quote | None = None
    """Price of power, where the site is one's own."""


def rent(
    scenario: Scenario, deployment: SelfHostedDeployment, snapshot: Snapshot, catalog: Catalog
) -> Rented:
    """Find the machines of a deployment, or refuse them with the numbers."""
    machine = deployment.machine
    quote = _quote(scenario, deployment, catalog)
    quotes = {machine.purchase: quote}
    if deployment.commitment is not None:
        committed = deployment.commitment.purchase
        quotes[committed] = _price(scenario, machine, committed, catalog)
    spot = deployment.interruptions
    if spot is not None and (spot.fallback == "on_demand" or spot.on_demand_instances):
        quotes[Purchase.ON_DEMAND] = _price(scenario, machine, Purchase.ON_DEMAND, catalog)
    instance = catalog.instance(machine.seller, machine.region, machine.instance_type)
    fits = replicas_per_instance(deployment, instance, snapshot)
    _check_quota(deployment, fits)
    share = share_of_instance(deployment, instance, fits)
    packing = Machine(fits, share, quote.billing_increment_s, quote.minimum_s)
    power: Quote | None = None
    if deployment.own_site is not None:
        region = deployment.own_site.electricity_region
        power = tariff(catalog.electricity(region, on=scenario.price_date))
    return Rented(instance, packing, quotes, power)


def _quote(scenario: Scenario, deployment: SelfHostedDeployment, catalog: Catalog) -> Quote:
    machine = deployment.machine
    if machine.purchase.term_months is not None and deployment.autoscaler is not None:
        raise InfeasibleError(
            "a commitment is paid in every hour, and an autoscaler gives machines back. Write "
            f"purchase: on_demand, and commitment: {{purchase: {machine.purchase}}} beside the "
            "machine: it finds the cheapest level to commit, and says what of it goes unused"
        )
    return _price(scenario, machine, machine.purchase, catalog)


def _price(
    scenario: Scenario, machine: MachineChoice, purchase: Purchase, catalog: Catalog
) -> Quote:
    return catalog.compute(
        machine.seller,
        machine.region,
        machine.instance_type,
        on=scenario.price_date,
        purchase=purchase,
    )


def _check_quota(deployment: SelfHostedDeployment, fits: int) -> None:
    """Refuse a fleet that may grow beyond what the account may rent."""
    quota = deployment.quota_instances
    if quota is None:
        return
    scaler = deployment.autoscaler
    replicas = deployment.replicas or 0
    if scaler is not None:
        numbers = getattr(scaler, "replicas_by_hour", ())
        replicas = max(replicas, *numbers) if numbers else getattr(scaler, "maximum", replicas)
    needed = instances_needed(replicas, fits)
    if needed > quota:
        raise InfeasibleError(
            f"{replicas} replicas lie on {needed} x {deployment.machine.instance_type}, and the "
            f"quota is {quota}: room for {quota * fits} replicas. Ask for a larger quota, or lower "
            "the replicas"
        )
