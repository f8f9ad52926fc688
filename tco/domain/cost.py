"""The words of the ledger: what a row of cost is, column by column, and the fixed vocabularies."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where in the life of a model the money goes."""

    EXPERIMENTATION = "experimentation"
    TRAINING = "training"
    DATA = "data"
    DEPLOYMENT = "deployment"
    INFERENCE = "inference"
    OPERATION = "operation"
    GOVERNANCE = "governance"
    PLATFORM = "platform"
    RETIREMENT = "retirement"


class Kind(StrEnum):
    """What happened to capacity that was paid for; ``none`` for rows that buy no capacity."""

    USED = "used"
    WASTED = "wasted"
    IDLE = "idle"
    SHARED = "shared"
    NONE = "none"


class Flow(StrEnum):
    """How accountants see the money."""

    OPEX = "opex"
    CAPEX = "capex"
    CREDIT = "credit"


class Nature(StrEnum):
    """Paid once, or as long as the thing runs."""

    ONE_OFF = "one-off"
    RUN = "run"


class Behaviour(StrEnum):
    """How the cost follows the volume."""

    FIXED = "fixed"
    VARIABLE = "variable"
    STEP = "step"


class Payee(StrEnum):
    """Who gets the money."""

    CLOUD = "cloud"
    API_VENDOR = "API vendor"
    HARDWARE = "hardware"
    PAYROLL = "payroll"
    OTHER = "other"


COMMITMENT = "commitment"
"""Category of what is owed for capacity that nobody runs any more."""
POWERED_SERVICES = frozenset({"tokens", "incumbent"})
"""Categories behind which other people's machines run."""


def draws_power(kind: str, category: str) -> bool:
    """Tell whether machines run for what a row pays: only then has it energy to know or not."""
    buys_capacity = kind != Kind.NONE and category != COMMITMENT
    return buys_capacity or category in POWERED_SERVICES


class Basis(StrEnum):
    """Which view of time a total takes."""

    ACCRUAL = "accrual"
    CASH = "cash"
    PRESENT_VALUE = "present value"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of the ledger."""

    name: str
    unit: str
    meaning: str


LEDGER_COLUMNS: tuple[Column, ...] = (
    Column("month", "date", "first day of the month, UTC"),
    Column("option", "text", "the option as the scenario names it"),
    Column("snapshot", "text", "the snapshot that the row serves; several are joined by '+'"),
    Column("phase", "word", "where in the model's life: " + ", ".join(Phase)),
    Column("category", "text", "group of items, such as tokens, compute, people"),
    Column("item", "text", "what was bought"),
    Column("kind", "word", "what became of bought capacity: " + ", ".join(Kind)),
    Column(
        "cause", "text", "why capacity was not busy; empty where it was, or where none is bought"
    ),
    Column("quantity", "see unit", "how much, never negative"),
    Column("unit", "text", "unit of the quantity"),
    Column("unit_price_usd", "USD per unit", "price of one unit; negative only for a credit"),
    Column("cost_usd", "USD", "quantity x unit_price_usd, nominal, in the month it is paid"),
    Column("flow", "word", "how accountants see it: " + ", ".join(Flow)),
    Column("life_months", "months", "life of an asset; empty for what is expensed at once"),
    Column("nature", "word", "paid once or while it runs: " + ", ".join(Nature)),
    Column("behaviour", "word", "how it follows volume: " + ", ".join(Behaviour)),
    Column("payee", "word", "who gets the money: " + ", ".join(Payee)),
    Column("energy_kwh", "kWh", "energy used, at the stated scope; empty where nobody measured it"),
    Column("co2e_kg", "kg CO2e", "carbon of that energy; empty where energy or grid is unknown"),
    Column(
        "embodied_co2e_kg",
        "kg CO2e",
        "share of the carbon of making the machines, apart from that of their energy; "
        "empty where unknown",
    ),
    Column("price_ref", "text", "where the unit price comes from"),
    Column("quantity_ref", "text", "where the quantity comes from"),
    Column("evidence", "grade", "the worse grade of quantity and price"),
    Column("tags", "JSON", "cost centre, team, project: what the organisation attributes by"),
)

LEDGER_COLUMN_NAMES: tuple[str, ...] = tuple(column.name for column in LEDGER_COLUMNS)
