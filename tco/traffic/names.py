"""The four names under which people meet traffic, and what each puts into a workload."""

from __future__ import annotations

from typing import Any, Literal

from tco.domain.workload import SteadyProfile, Workload

TrafficName = Literal["steady", "daily and weekly", "bursty", "my log"]

PRESETS: dict[str, dict[str, Any]] = {
    "steady": {"profile": {"shape": "steady"}},
    "daily and weekly": {"profile": {"shape": "published", "name": "azure-coding-2024"}},
    "bursty": {
        "profile": {"shape": "published", "name": "azure-coding-2024"},
        "bursts": {
            "kind": "two_state",
            "high_to_low": 21.7,
            "high_mean_s": 7.0,
            "low_mean_s": 100.0,
        },
    },
}
"""Keys of a workload by name.

The bursts are a fit to the Azure LLM inference trace 2023 (coding), an hour of one service: they
have its dispersion over 1 to 300 s, and half of its peak within single seconds. "my log" has no
preset: ``tco workload fit`` makes it.
"""

SAID: dict[TrafficName, str] = {
    "steady": "the same rate in every hour",
    "daily and weekly": "the rate follows the hour of the day and the day of the week",
    "bursty": "as daily and weekly, and requests crowd for seconds to minutes",
    "my log": "fitted to a request log of your own",
}


def traffic_name(workload: Workload) -> TrafficName:
    """Return the name under which a person meets a workload's traffic."""
    if workload.fitted_log is not None:
        return "my log"
    if workload.bursts is not None:
        return "bursty"
    if isinstance(workload.profile, SteadyProfile):
        return "steady"
    return "daily and weekly"
