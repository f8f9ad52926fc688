"""Data: bought, labelled, made, kept by class and age, worked up, moved."""

from __future__ import annotations

from tco.domain.cost import Behaviour, Kind, Nature, Payee, Phase
from tco.domain.data_work import (
    Acquisition,
    DataWork,
    Egress,
    Labelling,
    Pipeline,
    Storage,
    Synthetic,
)
from tco.domain.record import Evidence
from tco.ledger.expression import Expression, Number, Series, driver
from tco.ledger.holder import Holder
from tco.ledger.model import LineMaker
from tco.ledger.tariff import times
from tco.units import SECONDS_PER_HOUR, TOKENS_PER_MTOK

A_MONTH = Number(1.0, "month")
PER_MTOK = Number(TOKENS_PER_MTOK, "tokens in a million")
PER_HOUR = Number(SECONDS_PER_HOUR, "seconds in an hour")


def add_data_lines(make: LineMaker, data: DataWork, holder: Holder) -> None:
    """Add the lines of every item of the block."""
    path = f"{holder.path}.data"
    for name, bought in data.acquisition.items():
        _add_acquisition(make, bought, holder, f"{path}.acquisition.{name}")
    for name, labels in data.labelling.items():
        _add_labelling(make, labels, holder, f"{path}.labelling.{name}")
    for name, made in data.synthetic.items():
        _add_synthetic(make, made, holder, f"{path}.synthetic.{name}")
    for name, kept in data.storage.items():
        _add_storage(make, kept, holder, f"{path}.storage.{name}")
    for name, pipeline in data.pipelines.items():
        _add_pipeline(make, pipeline, holder, f"{path}.pipelines.{name}")
    for name, moved in data.egress.items():
        _add_egress(make, moved, holder, f"{path}.egress.{name}")


def _add_acquisition(make: LineMaker, bought: Acquisition, holder: Holder, key: str) -> None:
    make.add(
        key,
        phase=Phase.DATA,
        category="acquisition",
        item=bought.title,
        quantity=times(driver(f"{key}.items", "items", bought.items), [_at(holder, key, bought)]),
        unit="item",
        unit_price_usd=driver(f"{key}.usd_per_item", "USD/item", bought.usd_per_item),
        nature=Nature.ONE_OFF,
        behaviour=Behaviour.FIXED,
        payee=Payee.OTHER,
    )


def _at(holder: Holder, key: str, item: Acquisition | Synthetic) -> Expression | None:
    return holder.once(key, item.month)


def _add_labelling(make: LineMaker, labels: Labelling, holder: Holder, key: str) -> None:
    """Add labels by people, and the second look at part of all items."""
    items: Expression = driver(f"{key}.items", "items", labels.items)
    by_people = items
    if labels.labelled_by_machine_share is not None:
        share = driver(f"{key}.labelled_by_machine_share", "-", labels.labelled_by_machine_share)
        by_people = items * (1.0 - share)
    when = [holder.evenly(key, labels.months)]
    votes = driver(f"{key}.votes", "labels/item", labels.votes)
    make.add(
        key,
        phase=Phase.DATA,
        category="labelling",
        item=labels.title,
        quantity=times(by_people * votes, when),
        unit="label",
        unit_price_usd=holder.shop.label(labels.task, labels.seller),
        nature=Nature.ONE_OFF,
        behaviour=Behaviour.FIXED,
        payee=Payee.OTHER,
    )
    review = labels.review
    if review is None:
        return
    looked_at = items * driver(f"{key}.review.share", "-", review.share)
    seconds = driver(f"{key}.review.seconds_per_item", "s/item", review.seconds_per_item)
    make.add(
        f"{key}.review",
        phase=Phase.DATA,
        category="people",
        item=f"{labels.title}: review ({review.role})",
        quantity=times(looked_at * seconds / PER_HOUR, when),
        unit="person-hour",
        unit_price_usd=holder.shop.person_hour(review.role),
        nature=Nature.ONE_OFF,
        behaviour=Behaviour.FIXED,
        payee=Payee.PAYROLL,
    )


def _add_synthetic(make: LineMaker, made: Synthetic, holder: Holder, key: str) -> None:
    """Add the tokens of all that is made, what is thrown away included."""
    kept = driver(f"{key}.items_kept", "items", made.items_kept)
    items = kept / driver(f"{key}.kept_share", "-", made.kept_share)
    longest = made.input_tokens_per_item.likely
    prices = holder.shop.tokens(made.provider, made.model, made.tier, longest)
    counts = {
        "input": (made.input_tokens_per_item, prices.fresh_input),
        "output": (made.output_tokens_per_item, prices.output),
    }
    for kind, (count, price) in counts.items():
        tokens = driver(f"{key}.{kind}_tokens_per_item", "tokens/item", count)
        make.add(
            f"{key}.{kind}",
            phase=Phase.DATA,
            category="tokens",
            item=f"{made.title}: {kind} tokens, {made.provider}/{made.model} {made.tier}",
            quantity=times(items * tokens / PER_MTOK, [_at(holder, key, made)]),
            unit="Mtok",
            unit_price_usd=price,
            nature=Nature.ONE_OFF,
            behaviour=Behaviour.FIXED,
            payee=Payee.API_VENDOR,
        )


def _add_storage(make: LineMaker, kept: Storage, holder: Holder, key: str) -> None:
    """Add what lies in each class in each month: read, and stale."""
    young_months = kept.then.after_months if kept.then is not None else None
    gb = driver(f"{key}.gb", "GB", kept.gb)
    more = driver(f"{key}.more_gb_per_month", "GB/month", kept.more_gb_per_month)
    first_share, arrivals = _months_of_data(kept, holder, key, young_months)
    classes = {kept.service: gb * first_share[0] + more * arrivals[0]}
    if kept.then is not None:
        classes[kept.then.service] = gb * first_share[1] + more * arrivals[1]
    stale = driver(f"{key}.unused_share", "-", kept.unused_share)
    for service, stored in classes.items():
        for kind, share in ((Kind.USED, 1.0 - stale), (Kind.IDLE, stale)):
            make.add_steps(
                f"{key}.{service}.{kind}",
                holder.shop.service(kept.seller, kept.region, service, "GB-month", stored),
                share=share,
                item=f"{kept.title}: {kept.seller} {service}",
                phase=Phase.DATA,
                category="storage",
                unit="GB-month",
                kind=kind,
                cause="stale storage" if kind is Kind.IDLE else "",
            )


def _months_of_data(
    kept: Storage, holder: Holder, key: str, young_months: int | None
) -> tuple[tuple[Series, Series], tuple[Series, Series]]:
    """Return, young and old, by month: is the first data there, and how many months' growth.

    In the first month of the stretch only the first data lies there; each later month adds one
    month's growth. Data is young for its first ``young_months`` months.
    """
    first, last = holder.span(kept.months)
    initial: tuple[list[float], list[float]] = ([], [])
    growth: tuple[list[float], list[float]] = ([], [])
    for month in range(1, holder.horizon_months + 1):
        age = month - first
        is_kept = first <= month <= last
        is_young = young_months is None or age < young_months
        fresh = age if young_months is None else min(age, young_months)
        initial[0].append(float(is_kept and is_young))
        initial[1].append(float(is_kept and not is_young))
        growth[0].append(float(fresh) if is_kept else 0.0)
        growth[1].append(float(age - fresh) if is_kept else 0.0)

    def series(name: str, unit: str, values: list[float]) -> Series:
        source = f"months {first} to {last} of the scenario"
        return Series(f"{key}.{name}", unit, tuple(values), Evidence.STATED, source)

    return (
        (series("first_young", "-", initial[0]), series("first_old", "-", initial[1])),
        (series("growth_young", "months", growth[0]), series("growth_old", "months", growth[1])),
    )


def _add_pipeline(make: LineMaker, pipeline: Pipeline, holder: Holder, key: str) -> None:
    machine = pipeline.machine
    hours = driver(f"{key}.instance_hours_per_month", "h/month", pipeline.instance_hours_per_month)
    make.add(
        key,
        phase=Phase.DATA,
        category="pipelines",
        item=f"{pipeline.title}: {machine.seller} {machine.instance_type}",
        quantity=times(hours * A_MONTH, [holder.each_month(key, pipeline.months)]),
        unit="instance-hour",
        unit_price_usd=holder.shop.machine_hour(machine),
        nature=Nature.RUN,
        behaviour=Behaviour.FIXED,
        payee=Payee.CLOUD,
        kind=Kind.USED,
    )


def _add_egress(make: LineMaker, moved: Egress, holder: Holder, key: str) -> None:
    gb = driver(f"{key}.gb_per_month", "GB/month", moved.gb_per_month)
    quantity = times(gb * A_MONTH, [holder.each_month(key, moved.months)])
    make.add_steps(
        key,
        holder.shop.service(moved.seller, moved.region, moved.service, "GB", quantity),
        item=f"{moved.title}: {moved.seller} {moved.service}",
        phase=Phase.DATA,
        category="egress",
        unit="GB",
        behaviour=Behaviour.VARIABLE,
    )
