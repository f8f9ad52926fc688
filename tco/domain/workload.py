"""When requests come and how large they are, in reference tokens."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

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


Profile = Annotated[
    SteadyProfile | DailyWeeklyProfile | NightlyProfile, Field(discriminator="shape")
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
