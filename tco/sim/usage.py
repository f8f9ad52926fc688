"""What an option consumes and how fast it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Latency:
    """Quantiles of end-to-end latency [ms], and what they are quantiles of."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    scope: str


@dataclass(frozen=True, slots=True)
class StaticUsage:
    """A static fleet over the horizon: what it holds, and how its idle time splits by cause.

    The shares of each month sum to one; they split the time in which replicas are not busy.
    """

    replicas: int
    instances: int
    instance_share: float
    """Part of an instance that one replica is given [-]."""
    parallel: int
    seconds: float
    busiest_load: float
    """Offered load over capacity in the busiest hour of the busiest month [-]."""
    latency: Latency
    simulated_requests: int
    idle_shares: dict[str, tuple[float, ...]]
    """Share of each month's idle time by cause [-]."""

    def as_data(self) -> dict[str, Any]:
        """Write it as plain data."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> StaticUsage:
        """Read it back."""
        shares = {cause: tuple(part) for cause, part in data["idle_shares"].items()}
        latency = Latency(**data["latency"])
        return cls(**{**data, "latency": latency, "idle_shares": shares})
