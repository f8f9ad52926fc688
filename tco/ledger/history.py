"""Tracked runs with a price: what became of each, how long it really took, what an hour costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise

from tco.domain.experiments import Fate
from tco.domain.history import ExperimentHistory, PricedRun, UnpricedRun
from tco.domain.price import Purchase, Quote
from tco.errors import PriceNotFoundError
from tco.imports.runs import TrackedRun
from tco.prices import Catalog
from tco.units import SECONDS_PER_HOUR

FINAL_TAG, HOST_TAG, MACHINES_TAG = "tco.final", "host", "machines"
HARDWARE_TAGS = ("instance_type", "hardware", "gpu", "device")
"""Tags that may name the machine of a run; the first that is there counts."""
LAST_METRIC = "no end was recorded: counted to its last metric"
SHARED_HOST = "shares its host with other runs: time together is divided by their number"
HAS_CHILDREN = "time in which runs that it started were running counts there"
NO_COUNT = "no number of machines was recorded: counted as one"
Sku = tuple[str, str, str, Purchase]
"""Seller, region, instance type, how it was bought."""
Stretch = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Reading:
    """How tags are read and which day's prices count."""

    hardware_tags: Sequence[str] = HARDWARE_TAGS
    machines: Mapping[str, Sku] = field(default_factory=dict)
    """What a value of the hardware tag stands for, beside the names of the catalogue."""
    final_runs: Sequence[str] = ()
    price_date: date | None = None
    """None: each run at the price of its own day."""


@dataclass(slots=True)
class _Timed:
    """A run with times that make sense."""

    run: TrackedRun
    began: datetime
    ended: datetime
    flags: list[str]


def price_runs(
    runs: Sequence[TrackedRun],
    catalog: Catalog,
    reading: Reading,
    *,
    id: str,
    source: str,
    imported_on: date,
) -> ExperimentHistory:
    """Price each run by its duration and its hardware tag; what cannot be priced is listed."""
    unpriced: list[UnpricedRun] = []
    timed = [found for run in runs if (found := _timed(run, unpriced)) is not None]
    seconds = _own_seconds(timed)
    duplicates = _duplicates(timed)
    priced = []
    for one in timed:
        sku, why = _sku_of(one.run, catalog, reading)
        if sku is None:
            unpriced.append(UnpricedRun(run=one.run.run, reason=why))
            continue
        quote = _quote(sku, one.began.date(), catalog, reading)
        if isinstance(quote, str):
            unpriced.append(UnpricedRun(run=one.run.run, reason=quote))
            continue
        count, why = _machines(one.run)
        if count is None:
            unpriced.append(UnpricedRun(run=one.run.run, reason=why))
            continue
        if why:
            one.flags.append(why)
        priced.append(
            PricedRun(
                run=one.run.run,
                name=one.run.name or None,
                day=one.began.date(),
                fate=_fate(one.run, duplicates, reading),
                sku="/".join(sku[:3]),
                purchase=sku[3].value,
                instance_hours=seconds[one.run.run] / SECONDS_PER_HOUR * count,
                usd_per_instance_hour=float(quote.usd),
                price=quote.reference,
                price_evidence=quote.evidence,
                flags=tuple(one.flags),
            )
        )
    return ExperimentHistory(
        format="experiment-history/1",
        id=id,
        source=source,
        imported_on=imported_on,
        runs=tuple(sorted(priced, key=lambda run: (run.day, run.run))),
        unpriced=tuple(sorted(unpriced, key=lambda run: run.run)),
    )


def _timed(run: TrackedRun, unpriced: list[UnpricedRun]) -> _Timed | None:
    """Give a run its times, or list it with the reason; a length is never made up."""
    ended, flags = run.ended, []
    if ended is None and run.last_metric is not None:
        ended, flags = run.last_metric, [LAST_METRIC]
    if run.began is None:
        reason = "no beginning was recorded"
    elif ended is None:
        reason = "neither an end nor a metric was recorded, so nobody knows how long it ran"
    elif ended < run.began:
        seconds = (run.began - ended).total_seconds()
        reason = f"it ends {seconds:,.0f} s before it begins"
    else:
        return _Timed(run, run.began, ended, flags)
    unpriced.append(UnpricedRun(run=run.run, reason=reason))
    return None


def _own_seconds(timed: Sequence[_Timed]) -> dict[str, float]:
    """Return the seconds that each run is charged with, so that no second is paid for twice.

    A run that started others is charged only while none of them runs. Runs on one host share it.
    """
    children: dict[str, list[Stretch]] = defaultdict(list)
    on_host: dict[str, list[Stretch]] = defaultdict(list)
    for one in timed:
        if one.run.parent is not None:
            children[one.run.parent].append((one.began, one.ended))
    for one in timed:
        host = one.run.tags.get(HOST_TAG)
        if host is not None and one.run.run not in children:
            on_host[host].append((one.began, one.ended))
    seconds = {}
    for one in timed:
        whole = (one.began, one.ended)
        host = one.run.tags.get(HOST_TAG)
        if one.run.run in children:
            own = _seconds_shared(whole, children[one.run.run], alone_only=True)
            flag = HAS_CHILDREN
        elif host is not None:
            others = list(on_host[host])
            others.remove(whole)
            own, flag = _seconds_shared(whole, others, alone_only=False), SHARED_HOST
        else:
            own, flag = (one.ended - one.began).total_seconds(), ""
        if flag and own < (one.ended - one.began).total_seconds():
            one.flags.append(flag)
        seconds[one.run.run] = own
    return seconds


def _seconds_shared(whole: Stretch, others: Sequence[Stretch], *, alone_only: bool) -> float:
    """Return the seconds of a stretch, each divided by how many run in it, or only those alone."""
    first, last = whole
    edges = {first, last}
    edges |= {edge for stretch in others for edge in stretch if first < edge < last}
    ordered = sorted(edges)
    total = 0.0
    for start, end in pairwise(ordered):
        beside = sum(other[0] <= start and end <= other[1] for other in others)
        if alone_only and beside:
            continue
        total += (end - start).total_seconds() / (1 + beside)
    return total


def _duplicates(timed: Sequence[_Timed]) -> set[str]:
    """Return finished runs that repeat the parameters of an earlier finished one, seed included."""
    seen: set[tuple[tuple[str, str], ...]] = set()
    found = set()
    for one in sorted(timed, key=lambda one: (one.began, one.run.run)):
        settings = tuple(sorted(one.run.params.items()))
        if one.run.status != "FINISHED" or not settings:
            continue
        if settings in seen:
            found.add(one.run.run)
        seen.add(settings)
    return found


def _fate(run: TrackedRun, duplicates: set[str], reading: Reading) -> Fate:
    if run.run in reading.final_runs or run.tags.get(FINAL_TAG, "").lower() == "true":
        return Fate.FINAL
    if run.status == "FAILED":
        return Fate.FAILED
    if run.status != "FINISHED":
        return Fate.ABANDONED
    return Fate.DUPLICATE if run.run in duplicates else Fate.FINISHED


def _machines(run: TrackedRun) -> tuple[float | None, str]:
    text = run.tags.get(MACHINES_TAG)
    if text is None:
        return 1.0, NO_COUNT
    if not text.isdigit() or int(text) == 0:
        return None, f"'{text[:40]}' in the tag '{MACHINES_TAG}' is no number of machines"
    return float(text), ""


def _sku_of(run: TrackedRun, catalog: Catalog, reading: Reading) -> tuple[Sku | None, str]:
    """Return the machine that a tag names, or why nobody knows it."""
    tag = next((name for name in reading.hardware_tags if name in run.tags), None)
    if tag is None:
        return None, f"no tag names its hardware (looked for {', '.join(reading.hardware_tags)})"
    value = run.tags[tag]
    if value in reading.machines:
        return reading.machines[value], ""
    named = [
        instance
        for instance in catalog.instances
        if value in (instance.instance_type, instance.sku)
    ]
    if len(named) == 1:
        one = named[0]
        return (one.seller, one.region, one.instance_type, Purchase.ON_DEMAND), ""
    if named:
        where = ", ".join(sorted(instance.sku for instance in named)[:3])
        return None, f"several machines are named '{value[:60]}', such as {where}; say which"
    return None, f"nobody knows the hardware '{value[:60]}' of its tag '{tag}'"


def _quote(sku: Sku, day: date, catalog: Catalog, reading: Reading) -> Quote | str:
    seller, region, instance_type, purchase = sku
    try:
        return catalog.compute(
            seller, region, instance_type, on=reading.price_date or day, purchase=purchase
        )
    except PriceNotFoundError as error:
        return f"{error} Or price all runs on one day with --price-date."
