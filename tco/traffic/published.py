"""Weeks of services that published their traffic: figures with citation, no trace is shipped.

Each figure is the mean rate of an hour of the day over the mean rate of the whole trace, in UTC.
Good for the shape of a week; the level of the rate is the scenario's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from tco.domain.demand import Movement


@dataclass(frozen=True, slots=True)
class PublishedWeek:
    """One published week."""

    title: str
    weekday: tuple[float, ...]
    """Rate of hours 0 to 23 UTC on Monday to Friday over the mean [-]."""
    weekend: tuple[float, ...]
    """Rate of hours 0 to 23 UTC on Saturday and Sunday over the mean [-]."""
    movement: Movement
    """How the hourly rate wandered about this shape."""
    citation: str
    caveat: str


# fmt: off
_CODING_WEEKDAY = (
    0.88, 0.84, 0.81, 0.67, 0.54, 0.44, 0.37, 0.32, 0.29, 0.30, 0.32, 0.44,
    0.81, 1.39, 2.03, 2.26, 2.13, 2.42, 2.70, 2.76, 2.61, 1.97, 1.42, 1.05,
)
_CODING_WEEKEND = (
    0.55, 0.53, 0.48, 0.46, 0.39, 0.33, 0.26, 0.19, 0.14, 0.12, 0.11, 0.15,
    0.23, 0.31, 0.39, 0.45, 0.49, 0.52, 0.58, 0.60, 0.60, 0.60, 0.60, 0.55,
)
_SMALL_MODEL_DAY = (
    1.00, 1.13, 1.10, 1.07, 1.04, 1.05, 1.04, 1.03, 1.07, 1.06, 0.99, 1.21,
    1.43, 1.38, 1.25, 1.04, 0.82, 0.70, 0.75, 0.70, 0.71, 0.73, 0.76, 0.87,
)
_BALANCER_WEEKDAY = (
    0.91, 1.10, 0.90, 0.88, 0.94, 0.76, 0.71, 0.81, 0.76, 0.78, 0.86, 0.79,
    1.11, 1.22, 1.24, 1.37, 1.34, 1.50, 1.37, 1.56, 1.64, 1.41, 1.00, 1.09,
)
_BALANCER_WEEKEND = (
    0.94, 0.73, 0.74, 0.73, 0.51, 0.79, 0.60, 0.47, 0.64, 0.63, 0.52, 0.60,
    0.69, 0.83, 1.11, 0.83, 0.89, 1.60, 0.89, 0.93, 1.10, 0.88, 0.64, 0.52,
)
# fmt: on

PUBLISHED: dict[str, PublishedWeek] = {
    "azure-coding-2024": PublishedWeek(
        title="Coding assistant in a cloud, one week of May 2024",
        weekday=_CODING_WEEKDAY,
        weekend=_CODING_WEEKEND,
        movement=Movement(
            log_sd=0.10,
            correlation_hours=3.1,
            source="hourly residuals of the Azure LLM inference trace 2024 (coding)",
        ),
        citation="Azure LLM inference trace 2024 (coding), Azure/AzurePublicDataset, CC-BY 4.0; "
        "Stojkovic et al., DynamoLLM, HPCA 2025",
        caveat="one week, read from the published plot; users mainly in the Americas",
    ),
    "servegen-small-2025": PublishedWeek(
        title="Hosted small language model, two weeks",
        weekday=_SMALL_MODEL_DAY,
        weekend=_SMALL_MODEL_DAY,
        movement=Movement(
            log_sd=0.22,
            correlation_hours=6.9,
            source="hourly residuals of ServeGen, class language/m-small",
        ),
        citation="ServeGen, class language/m-small, alibaba/ServeGen, Apache-2.0; "
        "Xiang et al., arXiv 2505.09999",
        caveat="weekdays are not known, so all days are alike; local time is UTC+8",
    ),
    "web-balancer-2014": PublishedWeek(
        title="Web load balancer, two weeks of April 2014",
        weekday=_BALANCER_WEEKDAY,
        weekend=_BALANCER_WEEKEND,
        movement=Movement(
            log_sd=0.32,
            correlation_hours=0.55,
            source="hourly residuals of realAWSCloudwatch/elb_request_count_8c0756",
        ),
        citation="Numenta Anomaly Benchmark, realAWSCloudwatch/elb_request_count_8c0756, MIT",
        caveat="ordinary web requests, not model calls; few requests, so the hours are noisy",
    ),
}
