"""Contracts with an API's vendor in money: the discount, credits, and a promise not kept."""

from __future__ import annotations

from dataclasses import replace

from tco.domain.contract import ApiContract, ApiCredits
from tco.domain.cost import COMMITMENT, Behaviour, Flow, Kind, Nature, Payee, Phase
from tco.domain.record import Evidence
from tco.domain.scenario import Scenario
from tco.errors import TcoError
from tco.ledger.expression import Expression, Least, Number, RunningSum, Series, driver
from tco.ledger.machines import UNUSED_COMMITMENT
from tco.ledger.model import CostLine, LineMaker, spend
from tco.ledger.option import Part
from tco.ledger.tariff import active_months, times

PAID_BACK = Number(-1.0, "money that comes back")
ONE = Number(1.0, "all of it")


def add_contract(
    make: LineMaker, scenario: Scenario, part: Part, provider: str, contract: ApiContract
) -> None:
    """Add what a contract changes about the lines of one part that its vendor is paid for.

    Args:
        make: Holds those lines, and takes what the contract adds.
        scenario: The question.
        part: What serves.
        provider: The vendor.
        contract: What is agreed.
    """
    if contract.discount_share is not None:
        _check_once(scenario, provider)
    bought = [line for line in make.lines if _is_bought(line, part)]
    path = f"candidates.{part.name}.deployment.contract"
    left = spend(bought)
    if contract.discount_share is not None:
        share = driver(f"{path}.discount_share", "-", contract.discount_share)
        _add_credit(make, part, "discount", f"discount of {provider}", left, "USD", share)
        left = left * (1.0 - share)
    if contract.credits is not None:
        given = driver(f"{path}.credits.usd", "USD", contract.credits.usd)
        used = _used(scenario, part, path, contract.credits, left / given)
        _add_credit(make, part, "credits", f"credits of {provider}", used, "credits", given)
        left = left - used * given
    if contract.minimum_usd is not None and contract.period_months is not None:
        _promise(make, bought)
        promised = driver(f"{path}.minimum_usd", "USD", contract.minimum_usd)
        make.add(
            f"{part.name}.contract.unused",
            phase=Phase.INFERENCE,
            category=COMMITMENT,
            item=f"spend promised to {provider} for {contract.period_months} months, not used",
            quantity=_unused(scenario, part, path, contract.period_months, left / promised),
            unit="period",
            unit_price_usd=promised,
            nature=Nature.RUN,
            behaviour=Behaviour.FIXED,
            payee=Payee.API_VENDOR,
            kind=Kind.IDLE,
            cause=UNUSED_COMMITMENT,
        )


def _check_once(scenario: Scenario, provider: str) -> None:
    """Refuse a discount that is stated twice."""
    known = scenario.organisation.negotiated_discounts.get(provider)
    if known is not None:
        raise TcoError(
            f"organisation.negotiated_discounts.{provider} takes {known.share:.0%} off already, "
            f"from {known.source}; leave the contract's discount_share out, or that"
        )


def _is_bought(line: CostLine, part: Part) -> bool:
    """Return whether a line is bought of the part's own vendor by its contract.

    What prompting and retrieval send along goes to the model that serves; what embeds texts for
    retrieval may be another vendor's, and is bought outside the contract.
    """
    starts = (
        f"{part.name}.tokens.",
        f"{part.name}.provisioned.",
        f"candidates.{part.name}.lifecycle.training.sent_along.",
    )
    return line.key.startswith(starts)


def _promise(make: LineMaker, bought: list[CostLine]) -> None:
    """Count tokens under a promise as capacity that is used: what is not used stands beside it."""
    keys = {line.key for line in bought if line.kind is Kind.NONE}
    make.lines = [replace(x, kind=Kind.USED) if x.key in keys else x for x in make.lines]


def _used(
    scenario: Scenario, part: Part, path: str, given: ApiCredits, spent: Expression
) -> Expression:
    """Return the part of the credits that is used in each month [-]: as far as they go.

    ``spent`` is over the credits that are given [-].
    """
    last = min(part.last_month, part.first_month + given.expire_after_months - 1)
    name, months = f"{path}.credits.valid", scenario.horizon_months
    spent = times(spent, [active_months(name, part.first_month, last, months)])
    so_far = RunningSum(spent, _periods(scenario, part, path, months))
    return Least((ONE, so_far)) - Least((ONE, so_far - spent))


def _unused(
    scenario: Scenario, part: Part, path: str, period_months: int, counted: Expression
) -> Expression:
    """Return the part of a period's promise that is owed at its end without having been used [-].

    ``counted`` is over the promise [-]. A period that is running when the option ends is settled in
    full.
    """
    so_far = RunningSum(counted, _periods(scenario, part, path, period_months))
    ends = tuple(
        float(
            part.first_month <= month <= part.last_month
            and (month == part.last_month or (month - part.first_month + 1) % period_months == 0)
        )
        for month in range(1, scenario.horizon_months + 1)
    )
    at_end = Series(f"{path}.period_ends", "-", ends, Evidence.STATED, "ends of its periods")
    return at_end * (1.0 - Least((ONE, so_far)))


def _periods(scenario: Scenario, part: Part, path: str, months: int) -> Series:
    """Number the periods of a contract; months without service have the number 0."""
    numbers = tuple(
        float((month - part.first_month) // months + 1)
        if part.first_month <= month <= part.last_month
        else 0.0
        for month in range(1, scenario.horizon_months + 1)
    )
    return Series(f"{path}.period_of_{months}_months", "-", numbers, Evidence.STATED, "its periods")


def _add_credit(
    make: LineMaker,
    part: Part,
    key: str,
    item: str,
    quantity: Expression,
    unit: str,
    price: Expression,
) -> None:
    make.add(
        f"{part.name}.contract.{key}",
        phase=Phase.INFERENCE,
        category="contract",
        item=item,
        quantity=quantity,
        unit=unit,
        unit_price_usd=PAID_BACK * price,
        nature=Nature.RUN,
        behaviour=Behaviour.VARIABLE,
        payee=Payee.API_VENDOR,
        flow=Flow.CREDIT,
    )
