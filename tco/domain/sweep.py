"""A sweep as a file: a scenario, what is varied in it, and which combinations are evaluated."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from tco.domain.cost import Basis
from tco.domain.record import Identifier, Record, Text, wrong_at

MOST_CELLS = 1_000_000
Key = Annotated[
    str,
    Field(
        min_length=1,
        max_length=400,
        description="place in the scenario, as workload.requests_per_month or "
        "price_paths.rise.shocks[0].change",
    ),
]
Keys = Annotated[tuple[Key, ...], Field(min_length=1)]
Level = bool | int | float | str
"""What an axis may stand at."""
Number = Annotated[float, Field(ge=-1e15, le=1e15)]
CELL_COLUMNS = ("cell", "scenario", "replication", "seed", "status", "message")
"""What a row of results says of its cell, beside where each axis stands."""
OPTION_COLUMNS = (
    "option",
    "snapshots",
    "kind",
    "openness",
    "size_class",
    "place",
    "rank",
    "cost_usd",
    "tco_usd",
    "pv_usd",
    "cost_per_1k_usd",
    "inference_cost_per_1k_usd",
    "training_usd",
    "people_usd",
    "idle_usd",
    "idle_share",
    "energy_kwh",
    "co2e_kg",
    "latency_p95_ms",
    "reasons",
)
"""What a row says of an option; ``cost_usd`` is on the basis of the sweep."""


def _check_once(place: str, levels: Iterable[object]) -> None:
    """Refuse what stands twice; 1 and 1.0 are the same, 1 and true are not."""
    seen: set[object] = set()
    for number, level in enumerate(levels):
        known = (isinstance(level, bool), level)
        if known in seen:
            raise wrong_at(place, str(number), says="is there before; state each once")
        seen.add(known)


class _Axis(Record):
    title: Text | None = Field(
        default=None, description="what charts call it, with its unit; absent: its name"
    )


class ValuesAxis(_Axis):
    """Values that a key takes; several keys take them together."""

    kind: Literal["values"]
    keys: Keys
    values: Annotated[tuple[Level, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _states_each_once(self) -> Self:
        _check_once("values", self.values)
        return self


class FactorsAxis(_Axis):
    """Multiples of what the scenario says, its range included."""

    kind: Literal["factors"]
    keys: Keys
    factors: Annotated[tuple[Number, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _states_each_once(self) -> Self:
        _check_once("factors", self.factors)
        return self


class RangeAxis(_Axis):
    """A number anywhere between two."""

    kind: Literal["range"]
    keys: Keys
    low: Number
    high: Number
    scale: Literal["linear", "logarithmic"] = "linear"
    sets: Literal["value", "factor"] = Field(
        default="value", description="whether the number replaces what is there, or multiplies it"
    )
    whole: bool = Field(default=False, description="whether it is rounded to a whole number")
    steps: Annotated[int, Field(ge=2, le=10_000)] | None = Field(
        default=None, description="how many numbers, ends included, a grid or one at a time takes"
    )

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if not self.low < self.high:
            raise wrong_at("high", says=f"is not above low, {self.low:g}")
        if self.scale == "logarithmic" and self.low <= 0:
            raise wrong_at("low", says="is not above 0, which a logarithmic scale needs")
        return self


class ChoicesAxis(_Axis):
    """Named choices, each of which sets several keys."""

    kind: Literal["choices"]
    choices: Annotated[dict[Identifier, dict[Key, JsonValue]], Field(min_length=1)]


class ScenariosAxis(_Axis):
    """Whole scenarios, each of which is the one that the other axes vary."""

    kind: Literal["scenarios"]
    scenarios: Annotated[tuple[Text, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _states_each_once(self) -> Self:
        _check_once("scenarios", self.scenarios)
        return self


Axis = Annotated[
    ValuesAxis | FactorsAxis | RangeAxis | ChoicesAxis | ScenariosAxis, Field(discriminator="kind")
]


class Grid(Record):
    """Every combination."""

    kind: Literal["grid"]


class LatinHypercube(Record):
    """Combinations drawn so that each axis is covered evenly."""

    kind: Literal["latin_hypercube"]
    cells: Annotated[int, Field(ge=2, le=MOST_CELLS)]
    seed: Annotated[int, Field(ge=0, lt=2**63)]


class Sobol(Record):
    """Combinations that fill the space evenly, also in pairs of axes."""

    kind: Literal["sobol"]
    cells: Annotated[int, Field(ge=2, le=MOST_CELLS, description="a power of two")]
    seed: Annotated[int, Field(ge=0, lt=2**63)]

    @model_validator(mode="after")
    def _is_a_power_of_two(self) -> Self:
        if self.cells & (self.cells - 1):
            lower = 1 << (self.cells.bit_length() - 1)
            raise wrong_at("cells", says=f"is no power of two; {lower} and {2 * lower} are")
        return self


class OneAtATime(Record):
    """The scenario as it is, then each axis by itself."""

    kind: Literal["one_at_a_time"]


class Table(Record):
    """Cases written out; each states the same columns."""

    kind: Literal["table"]
    keys: Annotated[dict[Identifier, Key], Field(min_length=1)] = Field(
        description="key of the scenario by column"
    )
    cases: Annotated[tuple[dict[Identifier, Level], ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        for number, case in enumerate(self.cases):
            if set(case) != set(self.keys):
                says = f"has {', '.join(case)}; every case states {', '.join(self.keys)}"
                raise wrong_at("cases", str(number), says=says)
        in_order = [[case[name] for name in self.keys] for case in self.cases]
        _check_once("cases", (tuple((isinstance(x, bool), x) for x in case) for case in in_order))
        return self


Design = Annotated[Grid | LatinHypercube | Sobol | OneAtATime | Table, Field(discriminator="kind")]


class Condition(Record):
    """Levels of one axis."""

    at_least: Number | None = None
    at_most: Number | None = None
    one_of: Annotated[tuple[Level, ...], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.at_least is None and self.at_most is None and self.one_of is None:
            raise ValueError("give at_least, at_most or one_of")
        return self

    def holds(self, level: object) -> bool:
        """Tell whether a level is meant; a bound never means a word."""
        if self.one_of is not None and level not in self.one_of:
            return False
        if self.at_least is None and self.at_most is None:
            return True
        if isinstance(level, bool) or not isinstance(level, int | float):
            return False
        above = self.at_least is None or level >= self.at_least
        return above and (self.at_most is None or level <= self.at_most)


class Sweep(Record):
    """Many what-ifs of one scenario, evaluated each like a plan of its own."""

    format: Literal["sweep/1"]
    name: Identifier
    title: Text
    question: Text = Field(description="what the people who decide want to know")
    scenario: Text = Field(description="use-case/scenario, or a file beside this one")
    basis: Basis = Basis.ACCRUAL
    fidelity: Literal["quick", "full"] = "quick"
    axes: dict[Identifier, Axis] = Field(default_factory=dict)
    design: Design
    leave_out: tuple[Annotated[dict[Identifier, Condition], Field(min_length=1)], ...] = Field(
        default=(), description="combinations not evaluated: those that meet all of an entry"
    )
    replications: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=1,
        description="how often each is simulated; the first with the scenario's own seed, further "
        "ones with the next, the same for all combinations",
    )

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of what is varied."""
        return tuple(self.design.keys if isinstance(self.design, Table) else self.axes)

    @model_validator(mode="after")
    def _fits_its_design(self) -> Self:
        if isinstance(self.design, Table):
            if self.axes:
                raise wrong_at("axes", says="stand beside a table, whose columns are its axes")
        elif not self.axes:
            raise wrong_at("axes", says="are missing, so nothing is varied")
        if isinstance(self.design, Grid | OneAtATime):
            for name, axis in self.axes.items():
                if isinstance(axis, RangeAxis) and axis.steps is None:
                    raise wrong_at("axes", name, "steps", says="missing; say how many numbers")
        return self

    @model_validator(mode="after")
    def _names_its_axes(self) -> Self:
        for name in self.columns:
            if name in {*CELL_COLUMNS, *OPTION_COLUMNS}:
                raise wrong_at("axes", name, says="is a column of results; call it otherwise")
        for number, entry in enumerate(self.leave_out):
            for name in entry:
                if name not in self.columns:
                    says = f"is no axis; there are {', '.join(self.columns)}"
                    raise wrong_at("leave_out", str(number), name, says=says)
        return self

    @model_validator(mode="after")
    def _varies_each_key_once(self) -> Self:
        seen: dict[str, str] = {}
        for name, axis in self.axes.items():
            for key in _keys_of(axis):
                if key == "seed":
                    raise wrong_at("axes", name, says="varies the seed; replications do that")
                if seen.setdefault(key, name) != name:
                    raise wrong_at("axes", name, says=f"varies {key}, as {seen[key]} does")
        return self


def _keys_of(axis: Axis) -> tuple[str, ...]:
    match axis:
        case ChoicesAxis():
            return tuple(dict.fromkeys(key for sets in axis.choices.values() for key in sets))
        case ScenariosAxis():
            return ()
        case _:
            return axis.keys
