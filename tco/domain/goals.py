"""What an option must meet, and what only people can say of an option beside its cost."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from tco.domain.latency import LatencyFigures
from tco.domain.months import MonthNumber
from tco.domain.record import (
    FactorEstimate,
    Identifier,
    Record,
    Share,
    ShareEstimate,
    Text,
)
from tco.domain.snapshot import Digest, Score

Milliseconds = Annotated[float, Field(gt=0)]


class Custody(StrEnum):
    """Where the data of a request goes."""

    API_VENDOR = "api_vendor"
    CLOUD_ACCOUNT = "cloud_account"
    OWN_SITE = "own_site"
    USER_DEVICE = "user_device"


class LatencyGoal(Record):
    """Bounds on quantiles of a time [ms]."""

    p50: Milliseconds | None = None
    p95: Milliseconds | None = None
    p99: Milliseconds | None = None


class QualityGoal(Record):
    """A floor on one metric, on one named test set."""

    metric: Text
    at_least: float
    task: Identifier
    test_set: Text
    test_set_digest: Digest | None = None


class Baseline(Record):
    """The option that sets the bar: what does not beat it by a margin is not worth its trouble."""

    option: Identifier
    better_by: Annotated[float, Field(ge=0, le=10)] = Field(
        description="share of the baseline's figure by which the quality goal's metric must be "
        "higher [-]"
    )


class Goals(Record):
    """What an option must meet; a goal that is absent is not asked for."""

    latency_ms: LatencyGoal | None = None
    ttft_ms: LatencyGoal | None = Field(
        default=None, description="time to the first token, where answers are streamed [ms]"
    )
    completion_hours: Annotated[float, Field(gt=0, le=1000)] | None = Field(
        default=None,
        description="every answer within this time [h], for work without a waiting user",
    )
    availability_at_least: Share | None = Field(
        default=None, description="share of the time in which it answers [-]"
    )
    quality: QualityGoal | None = None
    further_quality: tuple[QualityGoal, ...] = Field(
        default=(), description="floors on other metrics, or on other test sets"
    )
    baseline: Baseline | None = None
    custody: Annotated[tuple[Custody, ...], Field(min_length=1)] | None = Field(
        default=None, description="places where data may go"
    )
    regions: Annotated[tuple[Text, ...], Field(min_length=1)] | None = Field(
        default=None, description="regions in which data may be worked on, as sellers name them"
    )
    licences: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    instance_types: Annotated[tuple[Text, ...], Field(min_length=1)] | None = Field(
        default=None, description="machines that may be used"
    )
    instance_quota: dict[Text, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, description="most instances of a type that can be had at once [-]"
    )
    device_memory_gib_at_most: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="device memory that the weights may take [GiB]"
    )
    package_mb_at_most: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="size of what is shipped, as to a phone [MB]"
    )
    interpretability_at_least: Score | None = None
    fairness_at_least: Score | None = None
    budget_usd: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="most that an option may cost over the horizon [USD]"
    )
    co2e_kg_at_most: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="most carbon over the horizon [kg CO2e]"
    )
    ready_by_month: MonthNumber | None = Field(
        default=None, description="month by whose end the work before its use must be done"
    )
    team_fte: dict[Identifier, Annotated[float, Field(ge=0)]] | None = Field(
        default=None,
        description="people at hand by role [FTE]; a role that is absent is a skill nobody has",
    )
    labelled_examples_at_hand: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="labelled examples to train on [-]"
    )

    @model_validator(mode="after")
    def _says_in_what_the_baseline_is_beaten(self) -> Self:
        if self.baseline is not None and self.quality is None:
            raise ValueError("a baseline is beaten in the quality goal's metric; give 'quality'")
        return self

    @property
    def floors(self) -> tuple[QualityGoal, ...]:
        """Every floor on quality."""
        first = () if self.quality is None else (self.quality,)
        return first + self.further_quality


class StatedFacts(Record):
    """What people know of an option that no table or simulation holds; unknown if absent."""

    availability: ShareEstimate | None = Field(
        default=None, description="share of the time in which it answers [-]"
    )
    ttft_ms: LatencyFigures | None = Field(default=None, description="time to the first token [ms]")
    regions: Annotated[tuple[Text, ...], Field(min_length=1)] | None = Field(
        default=None, description="where an API works on data; machines say so themselves"
    )
    requests_per_s: FactorEstimate | None = Field(
        default=None, description="most requests a second that it takes, such as a rate limit [1/s]"
    )
