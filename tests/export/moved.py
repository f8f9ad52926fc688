"""A plan with one assumption at another value, found by the name that the workbook gives it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from tco.domain.hardware import Accelerator
from tco.domain.price import PriceTier, Purchase, Quote, TokenRates
from tco.domain.record import Estimate
from tco.domain.scenario import Scenario
from tco.plan import Evaluation, Settings, evaluate
from tco.prices import Catalog
from tests.shipped import KEPT, data

LISTED = ("price.", "figure.", "hardware.")
"""What the catalogue holds; everything else stands in the scenario."""
UNDER = ("work", "labels")
"""Keys of the file that names of assumptions leave out."""
KINDS = {
    "fresh_input": "input_usd_per_mtok",
    "cached_input": "cached_input_usd_per_mtok",
    "output": "output_usd_per_mtok",
}


def planned_anew(scenario: Scenario, values: Mapping[str, float]) -> Evaluation:
    """Change assumptions where people or vendors state them, and evaluate the whole plan."""
    catalog, measurements = data()
    listed = {name: x for name, x in values.items() if name.startswith(LISTED)}
    for name, value in values.items():
        if name not in listed:
            scenario = with_value(scenario, name, value)
    tables = Repriced(catalog, listed)
    found = evaluate(scenario, tables, measurements, settings=Settings(cache=KEPT))
    assert tables.taken == set(listed), "a price that nobody asked for was changed"
    return found


def with_value(scenario: Scenario, name: str, value: float) -> Scenario:
    """Change a figure of the scenario by its path; keys may hold dots."""
    document = scenario.model_dump(mode="python")
    holder, key = _place(document, name.split("."))
    if isinstance(holder[key], Mapping):
        holder, key = holder[key], "likely" if "likely" in holder[key] else "share"
    holder[key] = value
    return Scenario.model_validate(document)


def _place(here: Any, parts: list[str]) -> tuple[Any, Any]:
    """Return what holds a figure, and under which key."""
    keys = range(len(here)) if isinstance(here, list | tuple) else here
    for length in range(len(parts), 0, -1):
        word = ".".join(parts[:length])
        key: Any = int(word) if isinstance(keys, range) and word.isdigit() else word
        if key in keys:
            return (here, key) if length == len(parts) else _place(here[key], parts[length:])
    for key in UNDER:
        if key in keys:
            return _place(here[key], parts)
    raise KeyError(f"nothing is called {'.'.join(parts)}")


class Repriced(Catalog):
    """The catalogue with some things at other prices."""

    def __init__(self, catalog: Catalog, values: Mapping[str, float]) -> None:
        super().__init__(catalog._layers)
        self._values = values
        self.taken: set[str] = set()

    def _new(self, name: str) -> float | None:
        if name in self._values:
            self.taken.add(name)
        return self._values.get(name)

    def _quoted(self, quote: Quote, name: str) -> Quote:
        usd = self._new(name)
        return quote if usd is None else quote.model_copy(update={"usd": Decimal(usd)})

    def compute(self, *where: Any, on: date, purchase: Purchase = Purchase.ON_DEMAND) -> Quote:
        quote = super().compute(*where, on=on, purchase=purchase)
        return self._quoted(quote, f"price.{quote.sku}.{purchase}")

    def service(self, *where: Any, on: date, region: str = "*") -> tuple[PriceTier, ...]:
        tiers = []
        for tier in super().service(*where, on=on, region=region):
            step = f".from_{tier.from_units:g}" if tier.from_units else ""
            name = f"price.{tier.quote.sku}{step}"
            tiers.append(tier.model_copy(update={"quote": self._quoted(tier.quote, name)}))
        return tuple(tiers)

    def person(self, role: str, *, on: date) -> Quote:
        return self._quoted(super().person(role, on=on), f"price.people.{role}")

    def labelling(self, task: str, seller: str, *, on: date) -> Quote:
        found = super().labelling(task, seller, on=on)
        return self._quoted(found, f"price.labelling.{task}.{seller}")

    def figure(self, name: str, *, on: date) -> Estimate:
        found = super().figure(name, on=on)
        value = self._new(f"figure.{name}")
        return found if value is None else found.model_copy(update={"likely": value})

    def accelerator(self, name: str) -> Accelerator:
        found = super().accelerator(name)
        peaks = {
            precision: self._new(f"hardware.{name}.{precision}_tflops") or known
            for precision, known in found.peak_tflops.items()
        }
        return found.model_copy(update={"peak_tflops": peaks})

    def tokens(self, provider: str, model: str, *, on: date, tier: str = "standard") -> TokenRates:
        found = super().tokens(provider, model, on=on, tier=tier)
        changed = {
            key: Decimal(usd)
            for kind, key in KINDS.items()
            if (usd := self._new(f"price.{provider}/{model}.{tier}.{kind}")) is not None
        }
        return found.model_copy(update=changed)
