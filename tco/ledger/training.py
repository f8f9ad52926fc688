"""Training and adaptation: jobs on machines with what is lost, hosted jobs, teachers."""

from __future__ import annotations

from tco.domain.cost import Behaviour, Kind, Nature, Payee, Phase
from tco.domain.experiments import TRAINING_RUN
from tco.domain.snapshot import Snapshot
from tco.domain.training_plan import (
    Checkpoints,
    ComputeJob,
    HostedJob,
    SpotLoss,
    TeacherJob,
    TrainingPlan,
)
from tco.errors import InfeasibleError, MissingFigureError
from tco.ledger.context import add_context_lines
from tco.ledger.expression import Expression, Number, driver
from tco.ledger.holder import Holder
from tco.ledger.model import LineMaker
from tco.ledger.option import likely_months
from tco.ledger.tariff import times
from tco.ledger.training_hours import (
    refuse_what_does_not_fit,
    site_of,
    tokens_of,
    work_hours,
)
from tco.units import TOKENS_PER_MTOK, hours_in_month

PER_MTOK = Number(TOKENS_PER_MTOK, "tokens in a million")


def add_training_lines(make: LineMaker, plan: TrainingPlan, holder: Holder) -> None:
    """Add the lines of every job, and of what goes with every request."""
    path = f"{holder.path}.training"
    _check_lead(plan, holder, path)
    for name, job in plan.jobs.items():
        key = f"{path}.jobs.{name}"
        if isinstance(job, ComputeJob):
            _add_compute(make, job, plan, holder, key)
        elif isinstance(job, HostedJob):
            _add_hosted(make, job, plan, holder, key)
        else:
            _add_teacher(make, job, plan, holder, key)
    add_context_lines(make, plan, holder, path)


def _check_lead(plan: TrainingPlan, holder: Holder, path: str) -> None:
    if holder.part is None and (plan.lead_months or plan.prompting or plan.retrieval):
        raise MissingFigureError(
            f"{path} belongs to no single option: lead time, prompting and retrieval are stated "
            "for the option that they change"
        )


def per_task(plan: TrainingPlan) -> Expression | None:
    """Return how many times a job is paid for: once a task; None where there is one."""
    tasks = plan.tasks
    if tasks is None or tasks.count == 1:
        return None
    return Number(float(tasks.count), f"tasks, {tasks.sharing}")


def snapshot_of(holder: Holder) -> Snapshot | None:
    """Return the snapshot of the holder, where it has one."""
    return None if holder.part is None else holder.part.snapshot


def _add_compute(
    make: LineMaker, job: ComputeJob, plan: TrainingPlan, holder: Holder, key: str
) -> None:
    """Add the hours of a job: training, evaluation, crashes and interruptions apart."""
    snapshot = snapshot_of(holder)
    site = site_of(job.machine, holder.shop.catalog)
    refuse_what_does_not_fit(job, snapshot, site, key)
    hours = work_hours(job, snapshot, site, key, holder.shop.trainings)
    shares: dict[str, tuple[Expression, Kind, str]] = {
        "training": (hours, Kind.USED, ""),
        "evaluation": (
            hours * driver(f"{key}.evaluation_share", "-", job.evaluation_share),
            Kind.USED,
            "",
        ),
        "restarts": (
            hours * driver(f"{key}.restart_share", "-", job.restart_share),
            Kind.WASTED,
            "restart",
        ),
    }
    if job.spot is not None:
        lost = hours * _lost_to_interruptions(job, job.spot, key)
        shares["spot"] = (lost, Kind.WASTED, "spot interruption")
    whole = sum((part for part, _, _ in shares.values()), Number(0.0))
    _refuse_what_takes_too_long(job, whole, holder, key)
    price = holder.shop.machine_hour(job.machine)
    when = [holder.evenly(key, job.months), per_task(plan)]
    for name, (part, kind, cause) in shares.items():
        make.add(
            f"{key}.{name}",
            phase=Phase.TRAINING,
            category=TRAINING_RUN,
            item=f"{_title(key)}: {name}, {job.machines} x {site.name} of {job.machine.seller}",
            quantity=times(part, when),
            unit="instance-hour",
            unit_price_usd=price,
            nature=Nature.ONE_OFF,
            behaviour=Behaviour.FIXED,
            payee=Payee.CLOUD,
            kind=kind,
            cause=cause,
        )
    if job.checkpoints is not None:
        _add_checkpoints(make, job.checkpoints, plan, holder, key)


def _title(key: str) -> str:
    return key.rsplit(".", 1)[-1].replace("-", " ")


def _lost_to_interruptions(job: ComputeJob, spot: SpotLoss, key: str) -> Expression:
    """Return hours lost over hours of training [-].

    Any machine taken away stops them all; then half a checkpoint's interval and the restart are
    lost, on average. With x the share of all hours that is lost, x / (1 - x) comes on top of the
    useful ones, for hours made up may be interrupted too.
    """
    path = f"{key}.spot"
    rate = driver(
        f"{path}.interruptions_per_machine_hour", "1/h", spot.interruptions_per_machine_hour
    )
    interval = driver(f"{path}.checkpoint_interval_hours", "h", spot.checkpoint_interval_hours)
    restart = driver(f"{path}.restart_hours", "h", spot.restart_hours)
    machines = Number(float(job.machines), "machines that stop together")
    each_h = interval * Number(0.5, "on average half an interval is lost") + restart
    share = rate * machines * each_h
    worst = (
        job.machines
        * _most(spot.interruptions_per_machine_hour)
        * (_most(spot.checkpoint_interval_hours) / 2 + _most(spot.restart_hours))
    )
    if worst >= 1:
        raise InfeasibleError(
            f"{key}: interruptions take {worst:.0%} of the hours, so the job never ends; save "
            "checkpoints more often, take fewer machines, or buy on demand"
        )
    return share / (1.0 - share)


def _most(estimate: object) -> float:
    high, likely = getattr(estimate, "high", None), getattr(estimate, "likely", 0.0)
    return float(likely if high is None else high)


def _refuse_what_takes_too_long(
    job: ComputeJob, whole: Expression, holder: Holder, key: str
) -> None:
    """Hold the wall time of a job against the months that it is given."""
    first, last = holder.span(job.months)
    scenario = holder.shop.scenario
    given = sum(hours_in_month(month) for month in scenario.months[first - 1 : last])
    wall = float(likely_months(whole, 1)[0]) / job.machines
    is_cut = job.months.last is not None and job.months.last + holder.first_month - 1 > last
    if wall > given and not is_cut:
        raise InfeasibleError(
            f"{key} takes {wall:,.0f} hours of wall time on {job.machines} machines, and months "
            f"{job.months.first} to {job.months.last} have {given:,}; add machines or months"
        )


def _add_checkpoints(
    make: LineMaker, kept: Checkpoints, plan: TrainingPlan, holder: Holder, key: str
) -> None:
    gb = driver(f"{key}.checkpoints.gb", "GB", kept.gb)
    when = [holder.each_month(f"{key}.checkpoints", kept.months), per_task(plan)]
    stored = times(gb, when)
    make.add_steps(
        f"{key}.checkpoints",
        holder.shop.service(kept.seller, kept.region, kept.service, "GB-month", stored),
        item=f"{_title(key)}: checkpoints kept, {kept.seller} {kept.service}",
        phase=Phase.TRAINING,
        category="storage",
        unit="GB-month",
    )


def _add_hosted(
    make: LineMaker, job: HostedJob, plan: TrainingPlan, holder: Holder, key: str
) -> None:
    """Add the tokens that a vendor bills: training over its epochs, validation by evaluation."""
    evaluations = driver(f"{key}.evaluations", "-", job.evaluations)
    validation = driver(f"{key}.validation_tokens", "tokens", job.validation_tokens)
    parts = {
        "training": tokens_of(job.data, f"{key}.data"),
        "validation": evaluations * validation,
    }
    when = [holder.once(key, job.month), per_task(plan)]
    for name, tokens in parts.items():
        billed = times(tokens / PER_MTOK, when)
        make.add_steps(
            f"{key}.{name}",
            holder.shop.service(job.seller, job.region, job.service, "Mtok", billed),
            item=f"{_title(key)}: {name} tokens, {job.seller} {job.service}",
            phase=Phase.TRAINING,
            category=TRAINING_RUN,
            unit="Mtok",
            nature=Nature.ONE_OFF,
            payee=Payee.API_VENDOR,
        )


def _add_teacher(
    make: LineMaker, job: TeacherJob, plan: TrainingPlan, holder: Holder, key: str
) -> None:
    """Add what the teacher reads and writes."""
    rows = driver(f"{key}.rows", "rows", job.rows)
    prices = holder.shop.tokens(job.provider, job.model, job.tier, job.input_tokens_per_row.likely)
    counts = {
        "input": (job.input_tokens_per_row, prices.fresh_input),
        "output": (job.output_tokens_per_row, prices.output),
    }
    for kind, (count, price) in counts.items():
        tokens = driver(f"{key}.{kind}_tokens_per_row", "tokens/row", count)
        when = [holder.once(key, job.month), per_task(plan)]
        make.add(
            f"{key}.{kind}",
            phase=Phase.TRAINING,
            category=TRAINING_RUN,
            item=f"{_title(key)}: teacher's {kind} tokens, {job.provider}/{job.model} {job.tier}",
            quantity=times(rows * tokens / PER_MTOK, when),
            unit="Mtok",
            unit_price_usd=price,
            nature=Nature.ONE_OFF,
            behaviour=Behaviour.FIXED,
            payee=Payee.API_VENDOR,
        )
