"""What runs today beside a ranking: savings, paybacks, and the last bill against its model."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Group
from rich.table import Table
from rich.text import Text

from tco.export.ranking import savings_of
from tco.ledger.incumbent import BillCheck, Payback, check_bill
from tco.plan import Evaluation

Amount = Callable[[float], str]
"""Writes an amount of dollars in the currency that is asked for."""


def incumbent_table(found: Evaluation, amount: Amount) -> Group | None:
    """Show what each ranked option saves against keeping things as they are."""
    ranked = [answer.option for answer in found.ranking.options]
    saved = {one.option: one for one in savings_of(found)}
    parts: list[Table | Text] = []
    if any(option in saved for option in ranked):
        parts.append(_savings([saved[option] for option in ranked if option in saved], amount))
    checked = check_bill(found.model, found.scenario.incumbent)
    if checked is not None:
        parts += [Text(line, style="dim") for line in _bill_lines(checked, amount)]
    return Group(*parts) if parts else None


def _savings(saved: list[Payback], amount: Amount) -> Table:
    table = Table(
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
        style="dim",
        caption="in cash; laid out: the most by which it ran ahead of keeping things as they are",
        caption_justify="left",
    )
    table.add_column("against keeping as is")
    for name in ("saves", "today's money", "paid back", "discounted", "laid out", "return"):
        table.add_column(name, justify="right")
    for one in saved:
        table.add_row(
            one.option,
            _signed(one.saving_usd, amount),
            _signed(one.saving_pv_usd, amount),
            _month(one.payback_month),
            _month(one.discounted_payback_month),
            amount(one.most_laid_out_usd),
            "" if one.roi is None else f"{one.roi:+.0%}",
        )
    return table


def _bill_lines(checked: BillCheck, amount: Amount) -> list[str]:
    gap = checked.gap_usd
    lines = [
        f"   last month, modelled as {checked.option}: {amount(checked.modelled_usd)}; the "
        f"bill was {amount(checked.paid_usd)}, {amount(abs(gap))} "
        f"{'more' if gap >= 0 else 'less'}. Look first at:"
    ]
    lines += [
        f"      - {one.item}: {amount(one.modelled_usd)}, its ranges allow "
        f"{amount(one.movable_usd)} {'more' if gap >= 0 else 'less'}"
        for one in checked.suspects
    ]
    return lines


def _month(number: int | None) -> str:
    return "not within the plan" if number is None else f"month {number}"


def _signed(usd: float, amount: Amount) -> str:
    return f"-{amount(-usd)}" if usd < 0 else amount(usd)
