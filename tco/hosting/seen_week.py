"""A week of the busiest month of one fleet, to be looked at hour by hour."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tco.domain.deployment import SelfHostedDeployment
from tco.domain.scenario import Scenario
from tco.errors import InfeasibleError
from tco.hosting.fleets import Effort, key_of, of_case
from tco.hosting.host import arrange, mean_rates_per_s
from tco.hosting.pools import ONLY_BY_ITSELF
from tco.hosting.simulation import worked_out
from tco.ledger.expression import Expression
from tco.ledger.option import Part, parts_of_option
from tco.ledger.tasks import one_specialist, specialists_of
from tco.measure.library import Measurements
from tco.prices import Catalog
from tco.sim.capacity import check_capacity
from tco.sim.case import Case
from tco.sim.seen_week import SeenWeek, see_week
from tco.tasks import Result


@dataclass(frozen=True, slots=True)
class SeenWeekTask:
    """One week, every request of it."""

    case: Case
    rate_per_s: float

    @property
    def key(self) -> str:
        """Digest of everything that the result rests on."""
        return key_of(self, **of_case(self.case), rate=self.rate_per_s)

    @property
    def about_s(self) -> float:
        """A few seconds with the looks of an autoscaler [s]."""
        return 3.0

    def work(self) -> Result:
        """Simulate the week."""
        return see_week(self.case, self.rate_per_s).as_data()


def fleets_of(scenario: Scenario, option: str, requests: Expression) -> dict[str, Part]:
    """Return the parts of an option that serve on machines of its own, by name."""
    parts, _ = parts_of_option(scenario, option, requests)
    own = [p for p in parts if isinstance(p.candidate.deployment, SelfHostedDeployment)]
    return {part.name: part for part in own}


def seen_week(
    scenario: Scenario,
    part: Part,
    catalog: Catalog,
    measurements: Measurements,
    effort: Effort,
) -> SeenWeek:
    """Simulate the week of one fleet in its busiest month; of many specialists, that of one."""
    count = specialists_of(part.candidate)
    own = part if count == 1 else one_specialist(part, count)
    arranged = arrange(scenario, own, catalog, measurements.with_hardware(catalog.accelerators))
    if arranged.deployment.pool is not None:
        raise InfeasibleError(ONLY_BY_ITSELF.format(part.name))
    rates = mean_rates_per_s(scenario, own)
    busiest = int(np.argmax(rates))
    rate = float(rates[busiest])
    check_capacity(arranged.case, rate, busiest + 1)
    return SeenWeek.from_data(worked_out(effort, SeenWeekTask(arranged.case, rate)))
