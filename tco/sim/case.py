"""A fleet and its traffic as plain data: all that a simulated hour rests on."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from tco.domain.fleet import FleetSettings, ScheduleAutoscaler
from tco.sim.held import levels_up_to
from tco.sim.llm_curve import LlmCurve
from tco.sim.packing import instances_needed
from tco.sim.rules import rules_of
from tco.sim.run import FleetRules
from tco.sim.sample import ENOUGH_LLM_REQUESTS, MOST_REQUESTS
from tco.sim.sizing import Curve
from tco.sim.week import Traffic


@dataclass(frozen=True, slots=True)
class Machine:
    """How replicas lie on instances, and how those are billed."""

    per_instance: int
    share_of_instance: float
    billing_increment_s: float | None
    billing_minimum_s: float | None


@dataclass(frozen=True)
class Case:
    """A fleet and its traffic."""

    settings: FleetSettings
    curve: Curve | LlmCurve
    slots: int
    """Batches that one replica serves at once."""
    machine: Machine
    traffic: Traffic
    seed: int
    goal_s: float = math.inf

    def rules(self, *, factor: float = 1.0, first_hour: int = 0, seed: int = 0) -> FleetRules:
        """Make the rules of one run that begins in an hour of the week; autoscalers remember."""
        settings, scaler = self.settings, self.settings.autoscaler
        if isinstance(scaler, ScheduleAutoscaler) and first_hour:
            turned = np.roll(scaler.replicas_by_hour, -first_hour).tolist()
            scaler = scaler.model_copy(update={"replicas_by_hour": tuple(turned)})
            settings = settings.model_copy(update={"autoscaler": scaler})
        rules = rules_of(
            settings,
            self.curve.service(factor, replicas=settings.largest),
            slots=self.slots,
            seed=self.seed + seed,
            goal_s=self.goal_s,
        )
        return replace(rules, replicas_per_instance=self.machine.per_instance)

    @property
    def most_requests(self) -> int:
        """Requests that quick fidelity should do with."""
        return ENOUGH_LLM_REQUESTS if isinstance(self.curve, LlmCurve) else MOST_REQUESTS

    @cached_property
    def largest_fleet(self) -> int:
        """Most replicas that there can be."""
        return self.rules().maximum

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """Numbers of instances that a commitment may cover."""
        return levels_up_to(instances_needed(self.largest_fleet, self.machine.per_instance))

    @property
    def is_even(self) -> bool:
        """Whether nothing happens by chance but the arrival of requests."""
        return self.traffic.is_even and not self.settings.has_faults

    @property
    def available_share(self) -> float:
        """Part of the fleet at its largest that is there on average, stand-ins included [-]."""
        spot, failures = self.settings.interruptions, self.settings.failures
        share = 1.0 if failures is None else failures.available_share
        if spot is not None and spot.fallback == "none":
            whole = instances_needed(self.largest_fleet, self.machine.per_instance)
            base = min(1.0, spot.on_demand_instances / whole)
            share *= base + (1.0 - base) * spot.available_share
        return share

    @cached_property
    def each_per_s(self) -> float:
        """Most requests that one replica serves [1/s]."""
        return self.curve.most_per_s(self.rules().batch.max_size) * self.slots
