"""The base of every domain type, the grades of evidence, and numbers with range and source."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError


class Record(BaseModel):
    """An immutable record that refuses unknown keys, infinities and NaN."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, str_strip_whitespace=True
    )


class Evidence(StrEnum):
    """How well a number is known, best first."""

    MEASURED = "measured"
    IMPORTED = "imported"
    STATED = "stated"
    PUBLISHED = "published"
    ESTIMATED = "estimated"
    ASSUMED = "assumed"

    @property
    def rank(self) -> int:
        """0 for the best grade."""
        return RANKS[self]


RANKS = {grade: rank for rank, grade in enumerate(Evidence)}


def worse(*grades: Evidence) -> Evidence:
    """Return the weakest of the grades: a row is only as good as its weaker half.

    >>> worse(Evidence.MEASURED, Evidence.ASSUMED, Evidence.STATED)
    <Evidence.ASSUMED: 'assumed'>
    """
    return max(grades, key=lambda grade: grade.rank)


def wrong_at(*path: str, says: str) -> PydanticCustomError:
    """Build the error of a check over several fields, to be shown at the one to look at."""
    return PydanticCustomError("wrong_at", "{says}", {"path": path, "says": says})


IDENTIFIER_PATTERN = r"^[a-z0-9][a-z0-9._-]*$"
Identifier = Annotated[str, Field(pattern=IDENTIFIER_PATTERN, max_length=80)]
"""Lower-case letters, digits, dots, dashes and underscores."""
Text = Annotated[str, Field(min_length=1, max_length=2000)]
Share = Annotated[float, Field(ge=0, le=1)]


class Estimate(Record):
    """A number with its range, its source and its grade of evidence.

    In a file it may be written as a plain number: then it is ``stated`` by whoever wrote the file.
    ``low`` and ``high`` are the 5th and the 95th percentile.
    """

    likely: float
    low: float | None = None
    high: float | None = None
    evidence: Evidence = Evidence.STATED
    source: Text | None = None
    checked_on: date | None = Field(
        default=None,
        exclude_if=lambda day: day is None,
        description="day on which the source was read, or the figure measured",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_plain_number(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"likely": value}
        return value

    @model_validator(mode="after")
    def _is_ordered_and_explained(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("give both low and high, or neither")
        if (
            self.low is not None
            and self.high is not None
            and not self.low <= self.likely <= self.high
        ):
            raise ValueError(
                f"low {self.low:g}, likely {self.likely:g} and high {self.high:g} are not in order"
            )
        if self.evidence is not Evidence.STATED and self.source is None:
            raise ValueError(f"a figure that is '{self.evidence}' needs a source (or the reason)")
        if self.evidence is Evidence.ASSUMED and self.low is None:
            raise ValueError("an assumed figure needs a range: give low and high")
        return self

    def scaled(self, factor: float) -> Estimate:
        """Return a multiple of it, range and all."""
        given = {name: getattr(self, name) for name in ("likely", "low", "high")}
        scaled = {name: number * factor for name, number in given.items() if number is not None}
        return self.model_copy(update=scaled)


def within(low: float | None = None, high: float | None = None) -> Any:
    """Build a check that all of an estimate's numbers lie within bounds.

    >>> from typing import Annotated
    >>> from pydantic import TypeAdapter
    >>> share = TypeAdapter(Annotated[Estimate, within(0, 1)])
    >>> share.validate_python(0.25).likely
    0.25
    """

    def check(estimate: Estimate) -> Estimate:
        for name in ("low", "likely", "high"):
            number = getattr(estimate, name)
            if number is None:
                continue
            if low is not None and number < low:
                raise ValueError(f"{name} is {number:g}, below the least allowed, {low:g}")
            if high is not None and number > high:
                raise ValueError(f"{name} is {number:g}, above the most allowed, {high:g}")
        return estimate

    return AfterValidator(check)


ShareEstimate = Annotated[Estimate, within(0, 1)]
CountEstimate = Annotated[Estimate, within(0, 1e15)]
UsdEstimate = Annotated[Estimate, within(0, 1e12)]
FactorEstimate = Annotated[Estimate, within(0, 1e6)]
