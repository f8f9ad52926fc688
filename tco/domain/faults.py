"""What takes machines away: sellers of spare capacity who want it back, and failures."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from tco.domain.record import Record, Text

Rate = Annotated[float, Field(ge=0, le=1000)]
Chance = Annotated[float, Field(gt=0, le=1)]


class Preset(NamedTuple):
    """Figures of a pool of spot machines, and where they come from."""

    per_hour: float
    retry_s: float
    filled_share: float
    source: str


PRESETS = {
    "advisor": Preset(
        3.05676e-4,
        300.0,
        0.5,
        "20 % of the machines taken back in a month, as -ln(1 - 0.2) / 730 h: the edge of the "
        "highest band of AWS's Spot Instance Advisor, in which 40 % of 650 pairs of GPU type and "
        "region lay on 2025-06-28; every second request for another machine filled: assumed",
    ),
    "contended": Preset(
        0.5,
        300.0,
        0.05,
        "AWS V100 machines over 45 days (spot-traces, NSDI 2024): 0.31 to 0.74 taken back for an "
        "hour of running, a zone has some for 17 to 91 % of the time; one request in twenty "
        "filled, so that it is there for 54 %: assumed",
    ),
}


class Interruptions(Record):
    """How often spot machines are taken back, and what is done about it.

    Machines are spread over pools in turn. A pool is taken back as a whole: after the notice its
    machines are gone, and there are none until a request for some is filled.
    """

    preset: Literal["advisor", "contended"] | None = Field(
        default=None, description="a published rate, or a measured scarcity; own figures go before"
    )
    per_hour: Rate | None = Field(
        default=None, description="interruptions of a pool for an hour in which it is there [1/h]"
    )
    retry_s: Annotated[float, Field(gt=0, le=86_400)] | None = Field(
        default=None, description="time between two requests for other spot machines [s]"
    )
    filled_share: Chance | None = Field(
        default=None, description="chance that such a request is filled [-]"
    )
    source: Text | None = Field(default=None, description="where own figures come from")
    notice_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        description="from the notice to the end [s]: AWS gives 120, Azure and GCP 30"
    )
    pools: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1, description="pools, such as zones, that the machines are spread over in turn [-]"
    )
    fallback: Literal["on_demand", "none"] = Field(
        description="what stands in until there are spot machines again: as many on demand, or none"
    )
    on_demand_instances: Annotated[int, Field(ge=0, le=100_000)] = Field(
        default=0, description="first instances of the fleet, bought on demand and never taken [-]"
    )

    @model_validator(mode="after")
    def _is_known(self) -> Self:
        own = {name: getattr(self, name) for name in ("per_hour", "retry_s", "filled_share")}
        missing = [name for name, value in own.items() if value is None]
        if self.preset is None and missing:
            raise ValueError(
                f"{', '.join(missing)} not given; give all of {', '.join(own)}, or a preset: "
                f"{', '.join(PRESETS)}"
            )
        if len(missing) < len(own) and self.source is None:
            given = ", ".join(name for name in own if name not in missing)
            raise ValueError(f"{given} given without a source; say where the figures come from")
        return self

    @property
    def pool(self) -> Preset:
        """The figures of a pool: the preset's, and own ones in their place."""
        own = (self.per_hour, self.retry_s, self.filled_share, self.source)
        base = own if self.preset is None else PRESETS[self.preset]
        return Preset(*(b if o is None else o for o, b in zip(own, base, strict=True)))  # type: ignore[arg-type]

    @property
    def available_share(self) -> float:
        """Part of the time for which a pool is there, but for the times of notice [-]."""
        pool = self.pool
        gone_hours = pool.retry_s / pool.filled_share / 3600.0
        return 1.0 / (1.0 + pool.per_hour * gone_hours)


class RepairTime(Record):
    """From the failure until the machine can be started again: corners of a triangle."""

    low_hours: Annotated[float, Field(ge=0, le=10_000)]
    likely_hours: Annotated[float, Field(ge=0, le=10_000)]
    high_hours: Annotated[float, Field(ge=0, le=10_000)]

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if not self.low_hours <= self.likely_hours <= self.high_hours:
            raise ValueError("low_hours, likely_hours and high_hours are not in order")
        return self

    @property
    def mean_hours(self) -> float:
        """The mean of the three corners [h]."""
        return (self.low_hours + self.likely_hours + self.high_hours) / 3.0


class Failures(Record):
    """Machines that fail, each by itself, and are repaired or replaced."""

    mean_hours_between: Annotated[float, Field(gt=0, le=1e7)] = Field(
        description="mean time that a machine runs until it fails [h]"
    )
    repair: RepairTime
    is_paid_in_repair: bool = Field(
        description="whether the machine is paid for meanwhile: own and committed ones are"
    )
    source: Text

    @property
    def available_share(self) -> float:
        """Part of the time for which a machine is not under repair [-]."""
        return self.mean_hours_between / (self.mean_hours_between + self.repair.mean_hours)
