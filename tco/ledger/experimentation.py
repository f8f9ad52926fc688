"""Experiments: campaigns of runs and what of them led nowhere, machines left on, tracked runs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from itertools import groupby

from tco.domain.cost import Behaviour, Kind, Nature, Payee, Phase
from tco.domain.experiments import (
    EXPERIMENT_RUNS,
    TRAINING_RUN,
    Campaign,
    DevelopmentMachine,
    Experiments,
    Fate,
    HistoryUse,
    Search,
)
from tco.domain.history import ExperimentHistory, PricedRun
from tco.domain.machine import MachineChoice
from tco.domain.record import Evidence
from tco.domain.training_plan import ComputeJob, TrainingPlan
from tco.errors import MissingFigureError, NotFoundError
from tco.ledger.expression import Driver, Expression, Least, Number, Series, driver
from tco.ledger.holder import Holder
from tco.ledger.model import LineMaker
from tco.ledger.tariff import times
from tco.ledger.training import snapshot_of
from tco.ledger.training_hours import site_of, work_hours
from tco.ledger.volume import CALENDAR
from tco.units import MONTHS_PER_YEAR, hours_in_month

UNUSED_MACHINE = "development machine on and unused"


def add_experiment_lines(
    make: LineMaker, experiments: Experiments, training: TrainingPlan | None, holder: Holder
) -> None:
    """Add the lines of campaigns, development machines and tracked runs."""
    path = f"{holder.path}.experiments"
    for name, campaign in experiments.campaigns.items():
        _add_campaign(make, campaign, training, holder, f"{path}.campaigns.{name}")
    for name, machine in experiments.development_machines.items():
        _add_development_machine(make, machine, holder, f"{path}.development_machines.{name}")
    if experiments.history is not None:
        _add_history(make, experiments.history, holder, f"{path}.history")


def _add_campaign(
    make: LineMaker, campaign: Campaign, training: TrainingPlan | None, holder: Holder, key: str
) -> None:
    """Add one line a fate: what was learnt from, and what broke, was given up, was repeated."""
    if campaign.search is None:
        hours, machine = _hours_of_runs(campaign, key)
    else:
        hours, machine = _hours_of_search(campaign.search, training, holder, key)
    stopping = campaign.early_stopping
    if stopping is not None:
        stopped = driver(f"{key}.early_stopping.stopped_share", "-", stopping.stopped_share)
        saved = driver(f"{key}.early_stopping.hours_saved_share", "-", stopping.hours_saved_share)
        hours = hours * (1.0 - stopped * saved)
    lost = {
        Fate.FAILED: driver(f"{key}.failed_share", "-", campaign.failed_share),
        Fate.ABANDONED: driver(f"{key}.abandoned_share", "-", campaign.abandoned_share),
        Fate.DUPLICATE: driver(f"{key}.duplicate_share", "-", campaign.duplicate_share),
    }
    led_on = 1.0 - (lost[Fate.FAILED] + lost[Fate.ABANDONED] + lost[Fate.DUPLICATE])
    price = holder.shop.machine_hour(machine)
    when = [holder.evenly(key, campaign.months)]
    title = key.rsplit(".", 1)[-1].replace("-", " ")
    for fate, share in {Fate.FINISHED: led_on, **lost}.items():
        _add_runs(
            make,
            f"{key}.{fate}",
            f"{title}: {fate} runs, {machine.seller} {machine.instance_type}",
            fate,
            times(hours * share, when),
            price,
        )


def _hours_of_runs(campaign: Campaign, key: str) -> tuple[Expression, MachineChoice]:
    assert campaign.machine is not None
    assert campaign.machines_per_run is not None
    assert campaign.runs is not None
    assert campaign.hours_per_run is not None
    runs = driver(f"{key}.runs", "runs", campaign.runs)
    each_h = driver(f"{key}.hours_per_run", "h/run", campaign.hours_per_run)
    machines = Number(float(campaign.machines_per_run), "machines a run")
    return runs * each_h * machines, campaign.machine


def _hours_of_search(
    search: Search, training: TrainingPlan | None, holder: Holder, key: str
) -> tuple[Expression, MachineChoice]:
    """Return what a search takes beside the final run: the multiple of it, less itself."""
    jobs = training.jobs if training is not None else {}
    job = jobs.get(search.final_job)
    if job is None:
        raise NotFoundError(
            "job", search.final_job, jobs, f"{key}.search names a job of the training block."
        )
    if not isinstance(job, ComputeJob):
        raise MissingFigureError(
            f"{key}.search multiplies hours of machines, and the job '{search.final_job}' is paid "
            "by token; state runs and hours_per_run"
        )
    job_path = f"{holder.path}.training.jobs.{search.final_job}"
    site = site_of(job.machine, holder.shop.catalog)
    trained = snapshot_of(holder)
    final = work_hours(job, trained, site, job_path, holder.shop.trainings)
    if search.preset is not None:
        multiple: Expression = holder.shop.figure(search.preset, "-")
    else:
        assert search.multiplier is not None
        multiple = driver(f"{key}.search.multiplier", "-", search.multiplier)
    return final * (multiple - 1.0), job.machine


def _add_runs(
    make: LineMaker,
    key: str,
    item: str,
    fate: Fate,
    instance_hours: Expression,
    price: Expression,
) -> None:
    make.add(
        key,
        phase=Phase.EXPERIMENTATION,
        category=TRAINING_RUN if fate is Fate.FINAL else EXPERIMENT_RUNS,
        item=item,
        quantity=instance_hours,
        unit="instance-hour",
        unit_price_usd=price,
        nature=Nature.ONE_OFF,
        behaviour=Behaviour.FIXED,
        payee=Payee.CLOUD,
        kind=Kind.WASTED if fate.cause else Kind.USED,
        cause=fate.cause,
    )


def _add_development_machine(
    make: LineMaker, machine: DevelopmentMachine, holder: Holder, key: str
) -> None:
    """Add the hours in which somebody works on it, and those in which it is on for nobody."""
    calendar = Series(
        "calendar.hours_in_month",
        "h",
        tuple(float(hours_in_month(month)) for month in holder.shop.scenario.months),
        Evidence.STATED,
        CALENDAR,
    )
    on = Least(
        (calendar, driver(f"{key}.hours_on_per_month", "h/month", machine.hours_on_per_month))
    )
    used = Least(
        (on, driver(f"{key}.hours_used_per_month", "h/month", machine.hours_used_per_month))
    )
    count = Number(float(machine.machines), "machines")
    when = [holder.each_month(key, machine.months)]
    choice = machine.machine
    title = key.rsplit(".", 1)[-1].replace("-", " ")
    for kind, hours in ((Kind.USED, used), (Kind.IDLE, on - used)):
        make.add(
            f"{key}.{kind}",
            phase=Phase.EXPERIMENTATION,
            category="development machines",
            item=f"{title}: {machine.machines} x {choice.seller} {choice.instance_type}",
            quantity=times(hours * count, when),
            unit="instance-hour",
            unit_price_usd=holder.shop.machine_hour(choice),
            nature=Nature.RUN,
            behaviour=Behaviour.FIXED,
            payee=Payee.CLOUD,
            kind=kind,
            cause=UNUSED_MACHINE if kind is Kind.IDLE else "",
        )


# ---- tracked runs -------------------------------------------------------------------------------


def _add_history(make: LineMaker, use: HistoryUse, holder: Holder, key: str) -> None:
    """Add tracked runs in the months they fall into: one line a machine, price and fate.

    Runs before the start of the plan are sunk: they are told apart and never ranked.
    """
    history = history_of(use, holder.shop.scenario.histories)
    first = min((_month_number(run.day) for run in history.runs), default=0)
    start = _month_number(holder.shop.scenario.start)
    if use.again_from_month is not None:
        start = first - (use.again_from_month - 1) - (holder.first_month - 1)
    for number, (terms, runs) in enumerate(_by_terms(history.runs)):
        sku, purchase, usd, price_ref, evidence, fate = terms
        hours = [0.0] * holder.horizon_months
        for run in runs:
            month = _month_number(run.day) - start
            if 0 <= month < min(holder.last_month, holder.horizon_months):
                hours[month] += run.instance_hours
        if not any(hours):
            continue
        source = f"{history.source}, {len(runs)} runs"
        if use.again_from_month is not None:
            source += ", planned once more"
        _add_runs(
            make,
            f"{key}.{use.id}.{number}",
            f"{use.id}: {fate} runs, {sku} {purchase.replace('_', ' ')}",
            fate,
            Series(
                f"histories.{use.id}.{number}.instance_hours",
                "instance-hours",
                tuple(hours),
                Evidence.IMPORTED,
                source,
            ),
            Driver(f"histories.{use.id}.{number}.price", "USD/h", usd, evidence, price_ref),
        )


def _month_number(day: date) -> int:
    return day.year * MONTHS_PER_YEAR + day.month


Terms = tuple[str, str, float, str, Evidence, Fate]


def _terms(run: PricedRun) -> Terms:
    return (
        run.sku,
        run.purchase,
        run.usd_per_instance_hour,
        run.price,
        run.price_evidence,
        run.fate,
    )


def _by_terms(runs: Iterable[PricedRun]) -> list[tuple[Terms, list[PricedRun]]]:
    ordered = sorted(runs, key=lambda run: (_terms(run), run.day, run.run))
    return [(terms, list(group)) for terms, group in groupby(ordered, key=_terms)]


def history_of(use: HistoryUse, known: dict[str, ExperimentHistory]) -> ExperimentHistory:
    """Return the history that a scenario refers to."""
    if use.id not in known:
        raise NotFoundError("history", use.id, known, "Write it with 'tco import'.")
    return known[use.id]
