"""Runs on the way to a model: what was tried, what of it led nowhere, machines left on."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from tco.domain.machine import MachineChoice
from tco.domain.months import MonthNumber, Months
from tco.domain.record import (
    CountEstimate,
    Estimate,
    FactorEstimate,
    Identifier,
    Record,
    ShareEstimate,
    within,
)

HoursEstimate = Annotated[Estimate, within(0, 1e9)]
MachineCount = Annotated[int, Field(ge=1, le=100_000)]
TRAINING_RUN, EXPERIMENT_RUNS = "training run", "experiment runs"
"""Categories of ledger rows: the runs that made the model, and those on the way."""
HoursOfMonth = Annotated[Estimate, within(0, 744)]


class Fate(StrEnum):
    """What became of a run; all but the first two led nowhere."""

    FINAL = "final"
    FINISHED = "finished"
    FAILED = "failed"
    ABANDONED = "abandoned"
    DUPLICATE = "duplicate"

    @property
    def cause(self) -> str:
        """Cause of waste of the run's machine time; empty where it was used."""
        return "" if self in (Fate.FINAL, Fate.FINISHED) else f"{self} run"


class SearchPreset(StrEnum):
    """Published ratios of all compute to that of the final run; figures in pricing/figures.csv."""

    HALF_ON_DEVELOPMENT = "search_multiplier_half_on_development"
    FULL_PIPELINE = "search_multiplier_full_pipeline"
    RECIPE_SEARCH = "search_multiplier_recipe_search"


class Search(Record):
    """A campaign sized by the final run: all compute is a multiple of it."""

    final_job: Identifier = Field(description="compute job of the training block")
    preset: SearchPreset | None = None
    multiplier: FactorEstimate | None = Field(
        default=None, description="all compute over that of the final run [-], at least 1"
    )

    @model_validator(mode="after")
    def _has_one_multiplier(self) -> Self:
        if (self.preset is None) == (self.multiplier is None):
            raise ValueError("give either a preset or a multiplier")
        if self.multiplier is not None and min(_numbers(self.multiplier)) < 1:
            raise ValueError("a multiplier below 1 would make all compute less than the final run")
        return self


class EarlyStopping(Record):
    """Runs that are stopped before their planned end."""

    stopped_share: ShareEstimate = Field(description="share of the runs that are stopped [-]")
    hours_saved_share: ShareEstimate = Field(
        description="share of a stopped run's planned hours that it does not take [-]"
    )


class Campaign(Record):
    """A number of runs, or a search sized by the final run, and what of it leads nowhere."""

    machine: MachineChoice | None = Field(
        default=None, description="absent with 'search': the machine of the final job"
    )
    machines_per_run: MachineCount | None = None
    runs: CountEstimate | None = Field(default=None, description="runs, without the final one [-]")
    hours_per_run: HoursEstimate | None = Field(
        default=None, description="planned hours of a run on its machines [h]"
    )
    search: Search | None = None
    early_stopping: EarlyStopping | None = None
    failed_share: ShareEstimate = Field(description="share of the hours in runs that broke [-]")
    abandoned_share: ShareEstimate = Field(description="share of hours in runs given up [-]")
    duplicate_share: ShareEstimate = Field(
        description="share of hours in runs that repeated another by mistake [-]"
    )
    months: Months = Months()

    @model_validator(mode="after")
    def _has_one_size(self) -> Self:
        counted = (self.machine, self.machines_per_run, self.runs, self.hours_per_run)
        given = sum(part is not None for part in counted)
        if given not in (0, len(counted)) or (given == 0) == (self.search is None):
            raise ValueError(
                "give either machine, machines_per_run, runs and hours_per_run, or a search"
            )
        return self

    @model_validator(mode="after")
    def _loses_at_most_all(self) -> Self:
        shares = (self.failed_share, self.abandoned_share, self.duplicate_share)
        most = sum(max(_numbers(share)) for share in shares)
        if most > 1 + 1e-12:
            raise ValueError(f"failed, abandoned and duplicate shares reach {most:g} at their high")
        return self


class DevelopmentMachine(Record):
    """A notebook or workstation that is paid while it is on, worked on or not."""

    machine: MachineChoice
    machines: MachineCount
    hours_on_per_month: HoursOfMonth = Field(
        description="hours a month that each is on [h]; 744 is always"
    )
    hours_used_per_month: HoursOfMonth = Field(
        description="hours a month in which somebody works on each [h]"
    )
    months: Months = Months()

    @model_validator(mode="after")
    def _is_on_when_used(self) -> Self:
        if self.hours_used_per_month.likely > self.hours_on_per_month.likely:
            raise ValueError("more hours used than the machine is on")
        return self


class HistoryUse(Record):
    """Runs that were tracked, from a file that ``tco import`` wrote."""

    id: Identifier = Field(description="name of a file in scenarios/histories, without .yaml")
    again_from_month: MonthNumber | None = Field(
        default=None,
        description="plan the same runs once more, their first month in this one; "
        "absent: only runs that fall into the horizon count, earlier ones are sunk",
    )


class Experiments(Record):
    """Experimentation of one option: planned campaigns, machines to work on, tracked runs."""

    campaigns: dict[Identifier, Campaign] = Field(default_factory=dict)
    development_machines: dict[Identifier, DevelopmentMachine] = Field(default_factory=dict)
    history: HistoryUse | None = None


def _numbers(estimate: Estimate) -> list[float]:
    given = (estimate.low, estimate.likely, estimate.high)
    return [number for number in given if number is not None]
