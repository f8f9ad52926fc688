"""When requests come and how large they are, in reference tokens."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.demand import (
    MEAN_TOLERANCE,
    BatchJobs,
    Bursts,
    Classes,
    Event,
    FittedLog,
    Movement,
    Sizes,
    mean_sizes,
)
from tco.domain.record import (
    CountEstimate,
    Estimate,
    FactorEstimate,
    Record,
    ShareEstimate,
    within,
)

GrowthEstimate = Annotated[Estimate, within(-0.99, 99)]


class Adoption(Record):
    """Linear take-up: from a starting share of the users to all of them."""

    start_share: ShareEstimate
    full_after_months: Annotated[int, Field(ge=1, le=120)]


class VolumeDrivers(Record):
    """Requests a month as users x active share x requests a user, with an adoption curve."""

    users: CountEstimate
    active_share: ShareEstimate
    requests_per_user_month: FactorEstimate
    adoption: Adoption | None = None


class Tokens(Record):
    """Size of one request in reference tokens; each snapshot has factors of its own."""

    input: CountEstimate = Field(description="tokens sent with a request, prompt included [tokens]")
    output: CountEstimate = Field(description="tokens answered [tokens]; 0 for embeddings")
    cached_input_share: ShareEstimate = Field(
        description="share of input tokens that a prompt cache holds [-]; 0 where nothing repeats"
    )


class Sessions(Record):
    """Requests that belong together: each turn may send the history again and call tools."""

    turns: FactorEstimate = Field(description="requests in one session [-], at least 1")
    history_sent_again: bool
    tool_calls_per_request: FactorEstimate = Field(
        description="further model calls behind one request of the user [-]"
    )
    tool_result_tokens: CountEstimate = Field(description="tokens a tool call adds to the input")
    tool_call_tokens: CountEstimate = Field(description="tokens the model writes to call a tool")

    @model_validator(mode="after")
    def _has_a_turn(self) -> Self:
        if self.turns.likely < 1:
            raise ValueError(f"a session has at least one turn, not {self.turns.likely:g}")
        return self


class SteadyProfile(Record):
    """The same rate in every hour of the week."""

    shape: Literal["steady"]


class DailyWeeklyProfile(Record):
    """A cosine day between a peak hour and its night, and quieter weekends."""

    shape: Literal["daily_weekly"]
    peak_hour_utc: Annotated[int, Field(ge=0, le=23)]
    night_to_peak: Annotated[float, Field(gt=0, le=1)] = Field(
        description="rate of the quietest hour over that of the busiest [-]"
    )
    weekend_to_weekday: Annotated[float, Field(gt=0, le=1)] = Field(
        description="rate on Saturday and Sunday over that of a weekday [-]"
    )


class NightlyProfile(Record):
    """Work that is handed over evenly within a window every night."""

    shape: Literal["nightly"]
    start_hour_utc: Annotated[int, Field(ge=0, le=23)]
    window_hours: Annotated[int, Field(ge=1, le=24)]


class PublishedProfile(Record):
    """The week of a service that published its traffic; ``traffic.published`` has the figures."""

    shape: Literal["published"]
    name: Literal["azure-coding-2024", "servegen-small-2025", "web-balancer-2014"]
    shift_hours: Annotated[int, Field(ge=-23, le=23)] = Field(
        default=0, description="how much later than published each hour comes [h]; 0 if left out"
    )


Rate = Annotated[float, Field(ge=0, le=1e12)]
Day = Annotated[tuple[Rate, ...], Field(min_length=24, max_length=24)]


class TableProfile(Record):
    """Your own week, from Monday 00:00 UTC on."""

    shape: Literal["table"]
    rates: Annotated[tuple[Rate, ...], Field(min_length=168, max_length=168)] | None = Field(
        default=None, description="168 hourly rates in any unit: only their proportions count"
    )
    days: Annotated[tuple[Day, ...], Field(min_length=7, max_length=7)] | None = Field(
        default=None, description="the same as seven rows of 24, Monday first"
    )

    @property
    def hours(self) -> tuple[float, ...]:
        """The 168 rates in a row."""
        if self.rates is not None:
            return self.rates
        assert self.days is not None
        return tuple(rate for day in self.days for rate in day)

    @model_validator(mode="after")
    def _has_one_week_with_a_request(self) -> Self:
        if (self.rates is None) == (self.days is None):
            raise ValueError("give either rates (168 numbers) or days (seven rows of 24)")
        if not any(self.hours):
            raise ValueError("all rates are zero; there is no week to repeat")
        return self


Profile = Annotated[
    SteadyProfile | DailyWeeklyProfile | NightlyProfile | PublishedProfile | TableProfile,
    Field(discriminator="shape"),
]


class Workload(Record):
    """How many requests a month, when in the week, and how large."""

    requests_per_month: CountEstimate | None = Field(
        default=None, description="requests in the first month [1/month]"
    )
    monthly_requests: tuple[Annotated[float, Field(ge=0, le=1e15)], ...] | None = Field(
        default=None, description="requests of each month of the horizon [1/month]"
    )
    volume_drivers: VolumeDrivers | None = None
    growth_per_year: GrowthEstimate | None = Field(
        default=None, description="yearly growth of requests, compounded monthly [-]"
    )
    profile: Profile
    tokens: Tokens | None = None
    sessions: Sessions | None = None
    bursts: Bursts | None = Field(
        default=None, description="how requests crowd; independent of one another if left out"
    )
    events: Annotated[tuple[Event, ...], Field(max_length=500)] = Field(
        default=(), description="stretches of time with a rate of their own; none if left out"
    )
    movement: Movement | None = Field(
        default=None, description="slow wandering of the rate; none if left out"
    )
    batch_jobs: BatchJobs | None = Field(
        default=None, description="volume handed over at once; none if left out"
    )
    sizes: Sizes | None = Field(
        default=None, description="law of the request sizes; all of the mean size if left out"
    )
    classes: Classes | None = Field(
        default=None, description="kinds of requests with sizes and hours of their own"
    )
    fitted_log: FittedLog | None = Field(
        default=None, description="the request log that these figures were fitted to"
    )

    def scaled(self, factor: float) -> Workload:
        """Return the same workload with a multiple of the requests, in every month alike."""
        if self.monthly_requests is not None:
            monthly = tuple(count * factor for count in self.monthly_requests)
            return self.model_copy(update={"monthly_requests": monthly})
        if self.requests_per_month is not None:
            return self.model_copy(
                update={"requests_per_month": self.requests_per_month.scaled(factor)}
            )
        assert self.volume_drivers is not None
        users = self.volume_drivers.users.scaled(factor)
        drivers = self.volume_drivers.model_copy(update={"users": users})
        return self.model_copy(update={"volume_drivers": drivers})

    @model_validator(mode="after")
    def _has_sizes_of_the_priced_mean(self) -> Self:
        if self.sizes is None and self.classes is None:
            return self
        if self.sizes is not None and self.classes is not None:
            raise ValueError("give sizes, or classes with sizes of their own, not both")
        if self.tokens is None:
            raise ValueError("sizes need tokens: their means are what is priced")
        stated = (self.tokens.input.likely, self.tokens.output.likely)
        found = mean_sizes(self.sizes, self.classes)
        for name, mean, size in zip(("input", "output"), stated, found, strict=True):
            if abs(size - mean) > MEAN_TOLERANCE * mean:
                raise ValueError(
                    f"the sizes average {size:,.1f} {name} tokens, but tokens.{name} is "
                    f"{mean:,.1f}: the cost would be off by as much; make them agree"
                )
        return self

    @model_validator(mode="after")
    def _has_one_volume(self) -> Self:
        ways = {
            "requests_per_month": self.requests_per_month,
            "monthly_requests": self.monthly_requests,
            "volume_drivers": self.volume_drivers,
        }
        given = [name for name, value in ways.items() if value is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise ValueError(f"give exactly one of {', '.join(ways)}; found {found}")
        if self.monthly_requests is None and self.growth_per_year is None:
            raise ValueError("growth_per_year is missing; write 0 where volume stays as it is")
        if self.monthly_requests is not None and self.growth_per_year is not None:
            raise ValueError("growth_per_year does not go with monthly_requests")
        if self.sessions is not None and self.tokens is None:
            raise ValueError("sessions need tokens")
        return self
