"""Small cost models by hand, for tests of ranges, flip values and break-even."""

from collections.abc import Iterable
from datetime import date

import numpy as np

from tco.domain.cost import Basis, Behaviour, Nature, Payee, Phase
from tco.domain.record import Evidence
from tco.ledger.expression import Driver, Expression, Number
from tco.ledger.model import CostLine, CostModel
from tco.rank.view import View
from tco.units import month_start

START = date(2027, 1, 1)
RATE = Driver("rate", "1/year", 0.08, Evidence.ASSUMED, "made up", 0.06, 0.11)


def figure(
    name: str, likely: float, low: float | None = None, high: float | None = None, unit: str = "x"
) -> Driver:
    return Driver(name, unit, likely, Evidence.ASSUMED, "made up", low, high)


def line(
    option: str, quantity: Expression | float, price: Expression | float, life: int | None = None
) -> CostLine:
    def expression(value: Expression | float) -> Expression:
        return value if isinstance(value, Expression) else Number(value)

    return CostLine(
        key=f"{option}.line",
        option=option,
        snapshot=option,
        phase=Phase.INFERENCE,
        category="tokens",
        item="made up",
        quantity=expression(quantity),
        unit="x",
        unit_price_usd=expression(price),
        nature=Nature.RUN,
        behaviour=Behaviour.VARIABLE,
        payee=Payee.OTHER,
        life_months=life,
    )


def view(lines: Iterable[CostLine], months: int = 12, basis: Basis = Basis.ACCRUAL) -> View:
    calendar = tuple(month_start(START, k) for k in range(months))
    return View(CostModel(calendar, tuple(lines)), basis, RATE)


def known(value: float | None) -> float:
    assert value is not None
    assert np.isfinite(value)
    return value
