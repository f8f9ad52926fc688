"""From a newcomer's answers to a complete scenario: the nearest shipped one, with what they said.

Everything that they did not say is taken over from it, and listed by ``changes.estimates``: it is
theirs to put right.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tco.domain.changes import with_inputs
from tco.domain.goals import Custody
from tco.domain.scenario import Scenario
from tco.domain.source import Path_
from tco.errors import TcoError

NAME = "mine"
FEWEST_MONTHS, MOST_MONTHS = 1, 120
_SPLIT = re.compile(r"[\n\t;]+")
_NUMBER = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?|[0-9]+(\.[0-9]+)?([eE]\+?[0-9]+)?")


class Wait(StrEnum):
    """How long whoever asks may wait."""

    BLINK = "at once: 95 of 100 answers within 0.3 s"
    SECOND = "a second: 95 of 100 answers within 1 s"
    MOMENT = "a moment: 95 of 100 answers within 5 s"
    WHILE = "a while: 95 of 100 answers within 20 s"
    DAY = "until tomorrow: all within 24 hours"
    NOBODY = "nobody waits"


P95_MS = {Wait.BLINK: 300.0, Wait.SECOND: 1000.0, Wait.MOMENT: 5000.0, Wait.WHILE: 20000.0}
DAY_HOURS = 24.0


class Place(StrEnum):
    """Where the data of a request may go."""

    ANYWHERE = "anywhere, API vendors included"
    CLOUD = "our own cloud account or our own site"
    SITE = "our own site only"


CUSTODY: dict[Place, list[str] | None] = {
    Place.ANYWHERE: None,
    Place.CLOUD: [Custody.CLOUD_ACCOUNT.value, Custody.OWN_SITE.value],
    Place.SITE: [Custody.OWN_SITE.value],
}


@dataclass(frozen=True, slots=True)
class Volume:
    """Requests in one of three ways; the others are None."""

    requests_per_month: float | None = None
    monthly_requests: tuple[float, ...] | None = None
    """One for each month of the plan."""
    users: float | None = None
    requests_per_user_month: float | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a newcomer says; None where they leave it as in the example."""

    title: str
    volume: Volume
    wait: Wait
    place: Place
    quality_at_least: float | None = None
    ready_by_month: int | None = None
    labelled_examples: int | None = None


def first_scenario(example: Scenario, said: Said) -> Scenario:
    """Return a complete scenario: an example with what was said in its place.

    What runs at the example's firm is left out. Fleets of a fixed size grow with the busiest month,
    for those of the example were made for its volume.
    """
    months = len(said.volume.monthly_requests or ()) or example.horizon_months
    goals: dict[str, Any] = {
        "latency_ms": {"p95": P95_MS[said.wait]} if said.wait in P95_MS else None,
        "completion_hours": DAY_HOURS if said.wait is Wait.DAY else None,
        "custody": CUSTODY[said.place],
        "ready_by_month": said.ready_by_month,
        "labelled_examples_at_hand": said.labelled_examples,
        "budget_usd": None,
    }
    values: dict[Path_, Any] = {
        ("name",): NAME,
        ("title",): said.title,
        ("question",): f"Which option is cheapest for: {said.title}",
        ("horizon_months",): months,
        ("incumbent",): None,
        **{("goals", key): value for key, value in goals.items()},
        **_volume(example, said.volume),
    }
    if said.quality_at_least is not None:
        if example.goals.quality is None:
            raise TcoError(f"{example.id} states no quality goal, so none can be changed")
        values["goals", "quality", "at_least"] = said.quality_at_least
    return with_inputs(example, values)


def _volume(example: Scenario, volume: Volume) -> dict[Path_, Any]:
    """Return the inputs of a volume, and of the fleets that have to carry it."""
    users, each = volume.users, volume.requests_per_user_month
    drivers = None
    if users is not None and each is not None:
        drivers = {
            "users": {"likely": users},
            "active_share": {"likely": 1.0},
            "requests_per_user_month": {"likely": each},
        }
    growth = example.workload.growth_per_year
    is_table = volume.monthly_requests is not None
    values: dict[Path_, Any] = {
        ("workload", "requests_per_month"): None
        if volume.requests_per_month is None
        else {"likely": volume.requests_per_month},
        ("workload", "monthly_requests"): volume.monthly_requests,
        ("workload", "volume_drivers"): drivers,
        ("workload", "growth_per_year"): None
        if is_table
        else {"likely": 0.0}
        if growth is None
        else growth.model_dump(mode="json"),
    }
    more = _busiest(volume) / _busiest(_volume_of(example))
    for option, candidate in example.candidates.items():
        replicas = getattr(candidate.deployment, "replicas", None)
        if replicas is not None and more > 1:
            values["candidates", option, "deployment", "replicas"] = math.ceil(replicas * more)
    return values


def _volume_of(example: Scenario) -> Volume:
    workload = example.workload
    if workload.volume_drivers is not None:
        drivers = workload.volume_drivers
        active = drivers.users.likely * drivers.active_share.likely
        return Volume(users=active, requests_per_user_month=drivers.requests_per_user_month.likely)
    if workload.monthly_requests is not None:
        return Volume(monthly_requests=workload.monthly_requests)
    assert workload.requests_per_month is not None
    return Volume(requests_per_month=workload.requests_per_month.likely)


def _busiest(volume: Volume) -> float:
    """Return the requests of the first month, or of the busiest where all are known."""
    if volume.monthly_requests is not None:
        busiest = max(volume.monthly_requests)
    elif volume.requests_per_month is not None:
        busiest = volume.requests_per_month
    else:
        busiest = (volume.users or 0.0) * (volume.requests_per_user_month or 0.0)
    if not busiest > 0:
        raise TcoError("a plan needs requests: state more than none a month")
    return busiest


def months_pasted(text: str) -> tuple[float, ...]:
    r"""Read a column or a row of a spreadsheet: one number a month.

    >>> months_pasted("1,000\n1200\t1.5e3")
    (1000.0, 1200.0, 1500.0)
    """
    cells = [cell.strip().replace("\u00a0", "").replace(" ", "") for cell in _SPLIT.split(text)]
    cells = [cell for cell in cells if cell]
    wrong = [
        f"month {number}: '{cell[:20]}' is not a number of requests, such as 1200000 or 1,200,000"
        for number, cell in enumerate(cells, start=1)
        if not _NUMBER.fullmatch(cell)
    ]
    if wrong:
        raise TcoError("; ".join(wrong[:5]) + (f"; and {len(wrong) - 5} more" if wrong[5:] else ""))
    if not FEWEST_MONTHS <= len(cells) <= MOST_MONTHS:
        raise TcoError(
            f"{len(cells)} months were pasted; a plan has {FEWEST_MONTHS} to {MOST_MONTHS}"
        )
    return tuple(float(cell.replace(",", "")) for cell in cells)
