"""A model that runs on devices: those of the users, or the firm's own."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.latency import LatencyFigures
from tco.domain.record import (
    CountEstimate,
    Estimate,
    FactorEstimate,
    Record,
    ShareEstimate,
    UsdEstimate,
    within,
)
from tco.domain.work import PricedService


class OwnDevices(Record):
    """Devices that the firm buys, for this use and perhaps for others."""

    device_usd: UsdEstimate
    life_months: Annotated[int, Field(ge=1, le=240)]
    cost_share: ShareEstimate = Field(description="part of a device that this use is charged [-]")
    idle_w: FactorEstimate = Field(description="drawn while it waits for requests [W]")
    usd_per_kwh: UsdEstimate = Field(description="of electricity, where the devices stand")


class ModelUpdates(Record):
    """New versions of the model, sent to every device."""

    size_gb: Annotated[Estimate, within(0, 10_000)]
    releases_per_year: FactorEstimate
    egress: PricedService


class EdgeDeployment(Record):
    """Inference on devices; on a user's own nothing is bought and idle time costs nothing."""

    kind: Literal["edge"]
    devices: CountEstimate = Field(description="devices that run the model [-]")
    own: OwnDevices | None = Field(default=None, description="absent: the devices are the users'")
    seconds: Annotated[Estimate, within(1e-6, 1e6)] = Field(
        description="a request takes on a device, one at a time [s]"
    )
    joules: FactorEstimate | None = Field(
        default=None, description="energy of a request at the device [J]; absent: unknown"
    )
    updates: ModelUpdates | None = None
    management_usd_per_device_month: UsdEstimate | None = Field(
        default=None, description="fee of the device management [USD/device/month]"
    )
    latency_ms: LatencyFigures | None = None

    @model_validator(mode="after")
    def _knows_the_energy_it_pays(self) -> Self:
        if self.own is not None and self.joules is None:
            raise ValueError("own devices are paid with their electricity; give joules a request")
        return self
