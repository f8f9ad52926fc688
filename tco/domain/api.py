"""What a vendor's API lets through, promises and charges for beside its tokens."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.latency import LatencyFigures
from tco.domain.record import Estimate, Evidence, Record, Share, ShareEstimate, Text, within
from tco.units import HOURS_PER_QUOTED_MONTH, MINUTES_PER_HOUR

PerMinute = Annotated[float, Field(gt=0, le=1e12)]
Seconds = Annotated[float, Field(ge=0, le=1e6)]
MOST_DOWN_SHARE = 0.25
"""An API that is down more often is no option to plan with."""


class TokenLatency(Record):
    """Latency of one call by its answer: time to the first token, and time for each after it."""

    ttft: LatencyFigures = Field(description="from the call to the first token [ms]")
    per_output_token: LatencyFigures = Field(
        description="from one token of the answer to the next, hidden ones included [ms]"
    )


class ApiLimits(Record):
    """What the vendor lets through: buckets that refill evenly and hold a burst.

    A call is let through when every bucket holds what it takes; one that is turned away takes
    nothing. Output counts when the call is made, as vendors estimate it.
    """

    requests_per_minute: PerMinute | None = None
    input_tokens_per_minute: PerMinute | None = None
    output_tokens_per_minute: PerMinute | None = None
    tokens_per_minute: PerMinute | None = Field(
        default=None, description="input and output together [tokens/min]"
    )
    burst_requests: PerMinute | None = Field(
        default=None, description="calls that may come at once [-]; absent: those of burst_s"
    )
    burst_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60.0, description="every limit lets through so many seconds' worth at once [s]"
    )
    cached_input_counts: bool = Field(
        default=True, description="whether input read from the vendor's cache counts as input"
    )
    queue_s: Seconds = Field(
        default=0.0,
        description="how long our side holds a call back until the limits let it through [s]; 0: "
        "it is sent and turned away",
    )
    source: Text = Field(description="where the limits were read, and when")

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        tokens = (
            self.input_tokens_per_minute,
            self.output_tokens_per_minute,
            self.tokens_per_minute,
        )
        if self.requests_per_minute is None and not any(tokens):
            raise ValueError("name a limit: requests, input, output or all tokens a minute")
        if self.burst_requests is not None and self.requests_per_minute is None:
            raise ValueError("burst_requests goes with requests_per_minute")
        return self


class ApiRetry(Record):
    """What our side does with a call that was turned away, failed or took too long."""

    tries: Annotated[int, Field(ge=1, le=20)] = Field(
        description="how often a call is made at most, the first time included [-]"
    )
    first_wait_s: Seconds = Field(description="before the second try [s]")
    wait_factor: Annotated[float, Field(ge=1, le=10)] = Field(
        default=2.0, description="each further wait is so much longer [-]"
    )
    longest_wait_s: Seconds
    jitter_share: Share = Field(
        description="a wait is shortened at random by up to this share [-]; 1: anything down to 0"
    )
    honours_retry_after: bool = Field(
        default=False,
        description="whether it waits at least until the limits would let the call through",
    )
    timeout_s: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        default=None, description="a call that takes longer is given up [s]; absent: none is"
    )
    bills_timed_out: bool | None = Field(
        default=None, description="whether the vendor bills a call that was given up"
    )

    @model_validator(mode="after")
    def _says_who_pays(self) -> Self:
        if (self.timeout_s is None) != (self.bills_timed_out is None):
            raise ValueError("timeout_s and bills_timed_out go together: who pays for such a call?")
        if self.longest_wait_s < self.first_wait_s:
            raise ValueError("longest_wait_s is shorter than first_wait_s")
        return self


class ApiOutages(Record):
    """Times in which every call fails; calls under way when one begins are answered."""

    per_month: Annotated[Estimate, within(0, 1000)] = Field(description="how many begin [1/month]")
    minutes: Annotated[Estimate, within(1e-3, 10_000)] = Field(description="how long each lasts")
    error_after_s: Seconds = Field(
        default=0.0, description="a call made then waits so long for its error [s]"
    )
    bills_failed: bool = Field(default=False, description="whether the vendor bills such a call")

    @model_validator(mode="after")
    def _has_no_ranges(self) -> Self:
        for name in ("per_month", "minutes"):
            if getattr(self, name).low is not None:
                raise ValueError(
                    f"outages are simulated at their likely figures, and a range on {name} would "
                    "change nothing: leave low and high out (an assumed figure is 'estimated' "
                    "here, its source says how wide it is), and compare with 'tco sweep'"
                )
        return self

    @model_validator(mode="after")
    def _is_up_mostly(self) -> Self:
        hours = self.per_month.likely * self.minutes.likely / MINUTES_PER_HOUR
        if hours > MOST_DOWN_SHARE * HOURS_PER_QUOTED_MONTH:
            raise ValueError(
                f"{hours:,.0f} hours a month of outages are more than {MOST_DOWN_SHARE:.0%} of it"
            )
        return self


class ApiFallback(Record):
    """Another vendor of the same snapshot, for calls that the first has failed for good."""

    provider: Annotated[str, Field(min_length=1, max_length=80)]
    model: Annotated[str, Field(min_length=1, max_length=200)]
    tier: Literal["standard", "flex", "priority"]
    latency_ms: LatencyFigures = Field(description="of a whole request there [ms]")


class ProvisionedThroughput(Record):
    """Throughput bought by the hour, used or not; what comes above it is passed on or refused."""

    units: Annotated[int, Field(ge=1, le=1_000_000)]
    tokens_per_minute_per_unit: Annotated[Estimate, within(1e-3, 1e9)] = Field(
        description="input tokens that a unit takes [tokens/min]"
    )
    output_token_weight: Annotated[float, Field(ge=0, le=100)] = Field(
        description="input tokens that one token of output counts as [-]"
    )
    cached_token_weight: Annotated[float, Field(ge=0, le=1)] = Field(
        default=1.0, description="input tokens that one from the vendor's cache counts as [-]"
    )
    burst_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60.0, description="throughput of so many seconds may come at once [s]"
    )
    usd_per_unit_hour: Annotated[Estimate, within(0, 1e6)]
    above: Literal["pay_as_you_go", "refuse"] = Field(
        description="what becomes of calls above it: paid by token, or turned away"
    )


class CompletionFigures(Record):
    """Quantiles of how long the vendor takes for a batch [h]."""

    p50: Annotated[float, Field(gt=0, le=1000)]
    p95: Annotated[float, Field(gt=0, le=1000)]
    p99: Annotated[float, Field(gt=0, le=1000)] | None = None
    evidence: Evidence
    source: Text

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if not self.p50 <= self.p95 <= (self.p99 or self.p95):
            raise ValueError("p50, p95 and p99 are not in order")
        return self


class ApiBatches(Record):
    """Requests handed over together and answered within the vendor's window."""

    submit_every_hours: Annotated[float, Field(gt=0, le=168)] = Field(
        description="requests are gathered so long before they are handed over [h]"
    )
    answered_after_hours: CompletionFigures
    window_hours: Annotated[float, Field(gt=0, le=1000)] = Field(
        description="a batch that takes longer expires: not answered, not billed [h]"
    )
    expired: Literal["sent_again", "lost"]

    @model_validator(mode="after")
    def _is_mostly_answered(self) -> Self:
        if self.answered_after_hours.p50 > self.window_hours:
            raise ValueError("more than half of the batches would expire; widen window_hours")
        return self


class PromptCache(Record):
    """Cached input by the structure of sessions: what a call repeats, where the vendor holds it."""

    hit_share: ShareEstimate = Field(
        description="share of the input tokens that repeat which the vendor's cache still holds [-]"
    )
