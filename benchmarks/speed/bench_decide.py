"""How fast ranges, tornado and flip values are worked out, in one process, against targets."""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import product

from tco.domain.cost import Basis, Behaviour, Nature, Payee, Phase
from tco.domain.record import Evidence
from tco.ledger.expression import Driver, Number, Power, Series
from tco.ledger.model import CostLine, CostModel
from tco.rank.sensitivity import flips, tornado
from tco.rank.uncertainty import uncertainty
from tco.rank.view import View
from tco.units import month_start

ROUNDS = 5
OPTIONS, MONTHS, LINES = 8, 36, 10
TARGETS_S = {
    "10,000 draws x 8 options x 36 months": 1.0,
    "512 draws, the first answer": 0.1,
    "tornado over 40 drivers": 0.5,
    "flip values of all drivers": 0.5,
}


def figure(name: str, likely: float) -> Driver:
    """Return a driver with a range."""
    return Driver(name, "x", likely, Evidence.ASSUMED, "bench", 0.7 * likely, 1.5 * likely)


def plan() -> View:
    """Return eight options of ten lines each over 36 months: shared growth, prices of their own."""
    years = Series(
        "years", "years", tuple(k / 12 for k in range(MONTHS)), Evidence.STATED, "calendar"
    )
    volume = figure("volume", 1e6) * Power(figure("growth", 0.2) + 1.0, years)
    shared = [figure(f"size.{number}", 100.0 + number) for number in range(LINES)]
    lines = []
    for option, number in product(range(OPTIONS), range(LINES)):
        lines.append(
            CostLine(
                key=f"{option}.{number}",
                option=f"option-{option}",
                snapshot="bench",
                phase=Phase.INFERENCE,
                category="tokens",
                item="bench",
                quantity=volume * shared[number] / Number(1e6),
                unit="Mtok",
                unit_price_usd=figure(f"price.{option}.{number % 5}", 1.0 + 0.1 * option),
                nature=Nature.RUN,
                behaviour=Behaviour.VARIABLE,
                payee=Payee.API_VENDOR,
            )
        )
    # Forty more for one option, so that its tornado has that many drivers to move.
    template = lines[0]
    for number in range(40):
        price = figure(f"item.{number}", 10.0)
        lines.append(
            replace(template, key=f"item.{number}", quantity=Number(1.0), unit_price_usd=price)
        )
    rate = figure("rate", 0.08)
    months = tuple(month_start(date(2027, 1, 1), k) for k in range(MONTHS))
    return View(CostModel(months, tuple(lines)), Basis.PRESENT_VALUE, rate)


def median_s(work: Callable[[], object]) -> float:
    """Time some work in seconds; once more than counted, so that imports are done."""
    taken_s = []
    for _ in range(ROUNDS + 1):
        started_s = time.perf_counter()
        work()
        taken_s.append(time.perf_counter() - started_s)
    return statistics.median(taken_s[1:])


def main() -> int:
    """Print one line a figure; 1 if one misses its target."""
    view = plan()
    winner = min(view.totals_usd({}).items(), key=lambda item: item[1][0])[0]
    works: tuple[Callable[[], object], ...] = (
        lambda: uncertainty(view, draws=10_000, seed=1),
        lambda: uncertainty(view, draws=512, seed=1),
        lambda: tornado(view, "option-0"),
        lambda: flips(view, winner),
    )
    missed = 0
    for (name, target_s), work in zip(TARGETS_S.items(), works, strict=True):
        taken_s = median_s(work)
        missed += taken_s > target_s
        print(f"{name:40s} {taken_s:8.4f} s, {taken_s / target_s:6.2f} of its target")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
