"""People: roles by phase and month, getting up to speed, on-call, a platform team, waiting."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tco.domain.cost import Phase
from tco.domain.months import Months
from tco.domain.record import (
    CountEstimate,
    Estimate,
    FactorEstimate,
    Identifier,
    Record,
    ShareEstimate,
    Text,
    UsdEstimate,
    within,
)
from tco.domain.work import MonthCount


class RampUp(Record):
    """Newcomers take more time at first; the extra falls evenly to nothing."""

    months: MonthCount
    extra_share_at_start: FactorEstimate = Field(
        description="paid time above the trained person's, on the first day [-]"
    )


class PeopleItem(Record):
    """One role's time, as a share of full-time work in each month."""

    role: Identifier
    fte: CountEstimate = Field(description="full-time equivalents of a trained person [-]")
    phase: Phase
    months: Months = Months()
    ramp_up: RampUp | None = None


class OnCall(Record):
    """Hours in which somebody must be reachable, paid at a share of the hourly rate."""

    role: Identifier
    hours_per_week: Annotated[Estimate, within(0, 168)]
    rate_share: ShareEstimate = Field(description="standby pay over the loaded rate [-]")
    months: Months = Months()


class PlatformTeam(Record):
    """A team that serves many models; each bears its part."""

    role: Identifier
    fte: CountEstimate = Field(description="of the whole team [-]")
    models_served: Annotated[Estimate, within(1, 1e5)]
    months: Months = Months()


class Waiting(Record):
    """What it costs that the answer is not there yet; only where somebody states it."""

    title: Text
    usd_per_month: UsdEstimate
    months: CountEstimate = Field(description="from the start until the option is live [months]")
