"""Fleets that cannot work are refused before they run, with the numbers."""

from __future__ import annotations

import math
from dataclasses import replace

from tco.errors import InfeasibleError
from tco.sim.llm_service import LlmService
from tco.sim.run import FleetRules
from tco.sim.service import BatchRule
from tco.units import SECONDS_PER_HOUR


def check_rules(rules: FleetRules) -> None:
    """Refuse rules that contradict themselves or leave nothing to serve with."""
    if rules.maximum < rules.minimum:
        raise InfeasibleError(
            f"at most {rules.maximum} replicas are allowed and at least {rules.minimum} are asked "
            "for; raise the maximum or lower the minimum"
        )
    if rules.maximum < 1:
        raise InfeasibleError(
            "the fleet may have 0 replicas at most, so nothing can serve; allow at least 1"
        )
    if rules.spare > rules.minimum:
        raise InfeasibleError(
            f"{rules.spare} spare replicas are kept and the minimum, which contains them, is "
            f"{rules.minimum}"
        )
    first = rules.minimum if rules.first is None else max(rules.first, rules.minimum)
    if first > rules.maximum:
        raise InfeasibleError(
            f"the fleet starts with {first} replicas and may have {rules.maximum} at most"
        )
    if first == 0 and not rules.rule.starts_from_zero:
        raise InfeasibleError(
            "the fleet starts with 0 replicas and its rule cannot start one: it looks at how busy "
            "replicas are; keep at least 1, or scale by queue length"
        )
    _check_base(rules)
    kinds = rules.service.kinds
    if isinstance(rules.service, LlmService) and (rules.batch != BatchRule() or rules.slots != 1):
        raise InfeasibleError(
            f"LLM replicas make up every step anew; batches of {rules.batch.max_size} and "
            f"{rules.slots} slots are for models served in batches; give max_sequences instead"
        )
    if rules.hardware and len(rules.hardware) != rules.maximum:
        raise InfeasibleError(
            f"the hardware of {len(rules.hardware)} replicas is given and the fleet may have "
            f"{rules.maximum}"
        )
    if rules.hardware and max(rules.hardware) >= kinds:
        raise InfeasibleError(
            f"replicas of {max(rules.hardware) + 1} kinds of hardware are asked for and the "
            f"service covers {kinds}"
        )
    if rules.idle_w and len(rules.idle_w) < kinds:
        raise InfeasibleError(
            f"idle watts are given for {len(rules.idle_w)} kinds of hardware and the service "
            f"covers {kinds}"
        )


def _check_base(rules: FleetRules) -> None:
    """Refuse to buy more instances on demand than there are."""
    base = 0 if rules.faults is None else rules.faults.on_demand_instances
    if base > rules.instances:
        raise InfeasibleError(
            f"{base} instances are to be bought on demand and the fleet lies on {rules.instances} "
            "at its largest; lower on_demand_instances"
        )


def bounded(rules: FleetRules, most_per_s: float, capacity_per_s: float) -> FleetRules:
    """Give a queue that would grow for ever a limit that changes no cost.

    Off the likely case a ladder may reach beyond the fleet's capacity. An hour of work in the queue
    keeps all of it busy; what comes on top would wait for ever.

    Args:
        rules: How the fleet behaves.
        most_per_s: Rate of the busiest hour [1/s].
        capacity_per_s: What the fleet at its largest serves [1/s].
    """
    if most_per_s < capacity_per_s or rules.queue_limit >= 0 or rules.patience_s is not None:
        return rules
    return replace(rules, queue_limit=math.ceil(capacity_per_s * SECONDS_PER_HOUR))
