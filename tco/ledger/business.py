"""What answers are worth and what faults cost: lines of a model of their own, never in the TCO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tco.domain.business import Business
from tco.domain.cost import Behaviour, Nature, Payee, Phase
from tco.domain.record import Estimate, Evidence
from tco.domain.scenario import Scenario
from tco.domain.snapshot import Metric
from tco.ledger.expression import Array, Driver, Expression, driver
from tco.ledger.model import CostModel, LineMaker
from tco.ledger.option import parts_of_option
from tco.ledger.tariff import stated_price
from tco.ledger.volume import calendar_hours

WRONG, LOST, OUTAGES = "wrong answers", "lost requests", "outages"
VALUE = "value of answers"


@dataclass(frozen=True, slots=True)
class Beside:
    """What stands beside one option's cost."""

    model: CostModel
    """Lines of the impact, and of the value of answers, under their names as categories."""
    unknown: Mapping[str, str]
    """Parts that were asked for and are not known, with the reason."""

    def by_month_usd(self, category: str) -> Array | None:
        """Return one part by month, likely case [USD]; None where it is not known."""
        found = [one.cost_usd[0] for one in self.model.valued() if one.line.category == category]
        return np.sum(found, axis=0) if found else None

    @property
    def impact_usd(self) -> float | None:
        """Return all parts of the impact that were asked for [USD]; None where one is unknown."""
        if self.unknown:
            return None
        parts = [self.by_month_usd(name) for name in (WRONG, LOST, OUTAGES)]
        return float(sum(part.sum() for part in parts if part is not None))


def beside(
    scenario: Scenario, option: str, requests: Expression, lost_share: float | None
) -> Beside:
    """Work out what stands beside an option's cost, as far as it is asked for and known.

    Args:
        scenario: Says under ``business`` what is asked for.
        option: One of its options.
        requests: Requests of each month.
        lost_share: Requests turned away or given up, over all, as simulated [-]; None where
            nothing of it is known.
    """
    business = scenario.business or Business()
    make, unknown = LineMaker(option, option), dict[str, str]()
    impact = business.impact
    if business.value_usd_per_request is not None:
        price = stated_price(
            scenario,
            "business.value_usd_per_request",
            "USD/request",
            business.value_usd_per_request,
        )
        _add(make, VALUE, requests, "request", price)
    if impact is not None and impact.wrong_answers is not None:
        right = right_share(scenario, option, requests)
        if isinstance(right, str):
            unknown[WRONG] = right
        else:
            name = "business.impact.wrong_answers.usd_each"
            price = stated_price(scenario, name, "USD", impact.wrong_answers.usd_each)
            _add(make, WRONG, requests * (1.0 - right), "wrong answer", price)
    if impact is not None and impact.lost_requests is not None:
        if lost_share is None:
            unknown[LOST] = "nobody has simulated or stated how many of its requests are lost"
        else:
            share = Driver(
                f"usage.{option}.lost_share", "-", lost_share, Evidence.ESTIMATED, "simulated"
            )
            name = "business.impact.lost_requests.usd_each"
            price = stated_price(scenario, name, "USD", impact.lost_requests.usd_each)
            _add(make, LOST, requests * share, "lost request", price)
    if impact is not None and impact.outages is not None:
        up = _availability(scenario, option)
        if up is None:
            unknown[OUTAGES] = "its availability is not stated; add facts.availability"
        else:
            share = driver(f"candidates.{option}.facts.availability", "-", up)
            hours = calendar_hours(scenario.months) * (1.0 - share)
            name = "business.impact.outages.usd_per_hour"
            price = stated_price(scenario, name, "USD/h", impact.outages.usd_per_hour)
            _add(make, OUTAGES, hours, "h", price)
    return Beside(CostModel(scenario.months, tuple(make.lines)), unknown)


def _add(make: LineMaker, name: str, quantity: Expression, unit: str, price: Expression) -> None:
    make.add(
        name.replace(" ", "_"),
        phase=Phase.OPERATION,
        category=name,
        item=name,
        quantity=quantity,
        unit=unit,
        unit_price_usd=price,
        nature=Nature.RUN,
        behaviour=Behaviour.VARIABLE,
        payee=Payee.OTHER,
    )


def right_share(scenario: Scenario, option: str, requests: Expression) -> Expression | str:
    """Return the share of right answers by the metric that the business names, or why not."""
    wanted = scenario.business.right_answers if scenario.business is not None else None
    if wanted is None:
        return "the business names no metric of right answers"
    if option not in scenario.candidates:
        return "what runs today has no quality figure"
    candidate = scenario.candidates[option]
    known = [*candidate.quality]
    if candidate.snapshot is not None:
        known += scenario.snapshots[candidate.snapshot].metrics
    else:
        parts, _ = parts_of_option(scenario, option, requests)
        if len({part.snapshot.id for part in parts}) == 1:
            known += parts[0].snapshot.metrics
    found = [metric for metric in known if metric.name == wanted]
    if not found:
        return f"no figure for {wanted}"
    metric = found[0]
    if not 0 <= metric.value <= 1:
        return f"{wanted} is {metric.value:g}, which is no share of answers"
    return driver(f"candidates.{option}.quality.{wanted}", "-", _as_estimate(metric))


def _as_estimate(metric: Metric) -> Estimate:
    return Estimate(
        likely=metric.value,
        low=metric.low,
        high=metric.high,
        evidence=metric.evidence,
        source=metric.source,
    )


def _availability(scenario: Scenario, option: str) -> Estimate | None:
    if option not in scenario.candidates:
        return None
    return scenario.candidates[option].facts.availability
