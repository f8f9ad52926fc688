"""What answers are worth to the firm, what bad ones cost it, whose they are: beside the cost."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from tco.domain.record import Identifier, Record, Share, Text, UsdEstimate


class WrongAnswers(Record):
    """Answers that are wrong, of all that are given."""

    usd_each: UsdEstimate = Field(description="what one wrong answer costs the firm [USD]")


class LostRequests(Record):
    """Requests that are turned away, give up, or come too late to be of use."""

    usd_each: UsdEstimate = Field(description="what one lost request costs the firm [USD]")


class Outages(Record):
    """Hours in which nothing answers, from the availability that is stated of each option."""

    usd_per_hour: UsdEstimate


class Impact(Record):
    """What a model's faults cost the business; never part of the total cost of ownership."""

    wrong_answers: WrongAnswers | None = None
    lost_requests: LostRequests | None = None
    outages: Outages | None = None

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if not (self.wrong_answers or self.lost_requests or self.outages):
            raise ValueError("give wrong_answers, lost_requests or outages")
        return self


class ShowBack(Record):
    """Whose requests they are, told in one or several ways: by team, by product."""

    shares: Annotated[dict[Identifier, dict[Identifier, Share]], Field(min_length=1)] = Field(
        description="for each way of telling, the share of the requests of each name [-]"
    )
    idle: Literal["apart", "evenly", "by_use"] = Field(
        default="apart", description="who bears what was paid for and did not work"
    )

    @model_validator(mode="after")
    def _shares_all_of_it(self) -> Self:
        for way, shares in self.shares.items():
            total = math.fsum(shares.values())
            if not math.isclose(total, 1.0, abs_tol=1e-9):
                raise ValueError(f"the shares of '{way}' add to {total:g}; they must add to 1")
        return self


class Business(Record):
    """What stands beside cost; every part is optional."""

    value_usd_per_request: UsdEstimate | None = Field(
        default=None, description="what an answered request earns or saves [USD]"
    )
    right_answers: Text | None = Field(
        default=None,
        description="quality metric that is the share of right answers, such as accuracy",
    )
    impact: Impact | None = None
    show_back: ShowBack | None = None

    @model_validator(mode="after")
    def _knows_what_is_wrong(self) -> Self:
        wrong = self.impact is not None and self.impact.wrong_answers is not None
        if wrong and self.right_answers is None:
            raise ValueError("wrong answers are counted by right_answers; name the metric")
        return self
