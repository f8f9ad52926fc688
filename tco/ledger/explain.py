"""A number opened down to quantity x unit price, its drivers, their source and grade."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from tco.ledger.expression import (
    Array,
    Difference,
    Driver,
    Expression,
    Least,
    Lookup,
    Number,
    Power,
    Product,
    Ratio,
    RunningSum,
    Series,
    Sum,
    Valuation,
    parts_of,
)
from tco.ledger.model import CostModel, ValuedLine, value_line

DIGITS = 9
"""Digits that tell: with them a pocket calculator gives the same cents up to a million dollars."""
LEAST_DECIMALS = 2


@dataclass(slots=True)
class Opened:
    """A line of text and what it is made of."""

    text: str
    parts: list[Opened] = field(default_factory=list)

    def lines(self, depth: int = 0) -> Iterator[str]:
        """Write the tree as indented text."""
        yield "  " * depth + self.text
        for part in self.parts:
            yield from part.lines(depth + 1)


def open_option(model: CostModel, option: str, month: int | None = None) -> Opened:
    """Open one option's cost, over the horizon or in one month (0 is the first).

    Over the horizon each line shows its sum; its arithmetic is that of its first month.
    """
    valuation = Valuation()
    valued = [
        value_line(line, valuation, len(model.months))
        for line in model.lines
        if line.option == option
    ]
    shown = [line for line in valued if _cost(line, month) != 0]
    total = sum(_cost(line, month) for line in shown)
    when = "over the horizon" if month is None else f"in {model.months[month]:%Y-%m}"
    root = Opened(f"{option} costs {usd(total)} {when}")
    shown.sort(key=lambda line: list(type(line.line.phase)).index(line.line.phase))
    for phase, group in groupby(shown, key=lambda line: line.line.phase):
        lines = list(group)
        subtotal = sum(_cost(line, month) for line in lines)
        root.parts.append(
            Opened(
                f"{phase}: {usd(subtotal)}",
                [_open_line(line, model, month, valuation) for line in lines],
            )
        )
    return root


def _cost(valued: ValuedLine, month: int | None) -> float:
    costs = valued.cost_usd[0]
    return float(costs.sum() if month is None else costs[month])


def _open_line(
    valued: ValuedLine, model: CostModel, month: int | None, valuation: Valuation
) -> Opened:
    line = valued.line
    cause = f", {line.kind}: {line.cause}" if line.cause else ""
    cause = cause or (f", {line.kind}" if line.kind != "none" else "")
    node = Opened(f"{line.item}{cause}: {usd(_cost(valued, month))}")
    at = month
    if at is None:
        active = [k for k, cost in enumerate(valued.cost_usd[0]) if cost != 0]
        at = active[0]
        if len(active) > 1:
            last = model.months[active[-1]]
            node.parts.append(
                Opened(
                    f"sum of {len(active)} months, {model.months[at]:%Y-%m} to {last:%Y-%m}; "
                    "the arithmetic of the first:"
                )
            )
    quantity = float(valued.quantity[0, at])
    price = float(valued.unit_price_usd[0, at])
    node.parts.append(
        Opened(
            f"{number(quantity)} {line.unit} x {price_text(price)} per {line.unit} "
            f"= {usd(float(valued.cost_usd[0, at]))}",
            [
                _open("quantity", line.quantity, valuation, at),
                _open("unit price", line.unit_price_usd, valuation, at),
            ],
        )
    )
    return node


def _open(label: str, expression: Expression, valuation: Valuation, month: int) -> Opened:
    value = _at(valuation.of(expression), month)
    match expression:
        case Driver() | Series():
            spread = ""
            if isinstance(expression, Driver) and expression.low is not None:
                high = expression.high if expression.high is not None else expression.likely
                spread = f" (range {number(expression.low)} to {number(high)})"
            unit = "" if expression.unit == "-" else f" {expression.unit}"
            text = f"{expression.name} = {number(value)}{unit}{spread}"
            return Opened(f"{label}: {text} [{expression.evidence}: {expression.source}]")
        case Lookup():
            text = (
                f"{label}: {expression.name} = {number(value)} {expression.unit}, read between "
                f"{len(expression.values)} simulated points "
                f"[{expression.evidence}: {expression.source}]"
            )
            arguments = zip(("read at", "and at"), parts_of(expression), strict=False)
            return Opened(text, [_open(word, x, valuation, month) for word, x in arguments])
        case Number(note=note):
            return Opened(f"{label}: {number(value)}" + (f" ({note})" if note else ""))
    parts = list(_flat(expression))
    formula = _formula(expression, [_at(valuation.of(part), month) for part in parts])
    opened = [
        _open("of which", part, valuation, month)
        for part in parts
        if not (isinstance(part, Number) and not part.note)
    ]
    return Opened(f"{label}: {formula} = {number(value)}", opened)


def _at(values: Array, month: int) -> float:
    return float(values[0, month if values.shape[1] > 1 else 0])


def _flat(expression: Expression) -> Iterator[Expression]:
    """Yield the parts, products within products taken apart."""
    for part in parts_of(expression):
        if type(part) is type(expression) and isinstance(part, Product | Sum):
            yield from _flat(part)
        else:
            yield part


_JOINED: dict[type[Expression], Callable[[Sequence[str]], str]] = {
    Sum: " + ".join,
    Product: " x ".join,
    Difference: " - ".join,
    Ratio: " / ".join,
    Power: " ^ ".join,
    RunningSum: lambda texts: f"{texts[0]} in this month and what came before in period {texts[1]}",
    Least: lambda texts: f"the smallest of {', '.join(texts)}",
}


def _formula(expression: Expression, values: Sequence[float]) -> str:
    return _JOINED[type(expression)]([number(value) for value in values])


def number(value: float) -> str:
    """Write a number with the digits that a person needs to follow the arithmetic.

    >>> number(1234567.0), number(0.0000123456), number(12.5)
    ('1,234,567', '0.0000123456', '12.5')
    """
    exponent = math.floor(math.log10(abs(value))) if value else 0
    decimals = max(DIGITS - 1 - exponent, LEAST_DECIMALS)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def usd(value: float) -> str:
    """Write money to the cent, credits with a minus.

    >>> usd(-1234.5)
    '-$1,234.50'
    """
    return f"{'-' if value < 0 else ''}${abs(value):,.2f}"


def price_text(value: float) -> str:
    """Write a unit price to the cent, and further where the cent does not say it all.

    >>> price_text(2.5), price_text(0.00012), price_text(12345.678)
    ('$2.50', '$0.00012', '$12,345.678')
    """
    if round(value, 2) == value:
        return usd(value)
    return f"{'-' if value < 0 else ''}${number(abs(value))}"
