"""What every command shares: the global options, the loaded data, and the two streams."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tco.data import DataFolder, data_folder, write_whole
from tco.domain.loading import Library
from tco.errors import NotFoundError

if TYPE_CHECKING:
    from tco.domain.scenario import Scenario
    from tco.measure.library import Measurements
    from tco.plan import Evaluation, Settings
    from tco.prices import Catalog


@dataclass
class Options:
    """The global options, and the data they lead to, read when first asked for."""

    data: Path | None = None
    debug: bool = False

    @cached_property
    def folder(self) -> DataFolder:
        """The folder of the data."""
        return data_folder(self.data)

    @cached_property
    def library(self) -> Library:
        """Scenarios and snapshots."""
        return Library(self.folder.scenarios)

    @cached_property
    def catalog(self) -> Catalog:
        """Prices."""
        from tco.prices import Catalog

        return Catalog.load(self.folder.pricing)

    @cached_property
    def measurements(self) -> Measurements:
        """Operating points."""
        from tco.measure.library import Measurements

        return Measurements.load(self.folder.benchmarks)

    def scenario(self, name: str) -> Scenario:
        """Load a scenario by 'use-case/name' or by path."""
        return self.library.load_scenario(self.library.find(name))

    def evaluation(self, name: str, settings: Settings | None = None) -> Evaluation:
        """Load and evaluate a scenario."""
        from tco.plan import evaluate

        return evaluate(self.scenario(name), self.catalog, self.measurements, settings=settings)


def options_of(context: typer.Context) -> Options:
    """Return the global options."""
    found = context.find_object(Options)
    assert found is not None
    return found


def option_named(evaluation: Evaluation, name: str | None) -> str:
    """Return the option that a person named, or the cheapest; say what is near a wrong name."""
    known = dict.fromkeys(line.option for line in evaluation.model.lines)
    if name is None:
        ranked = evaluation.ranking.options
        return ranked[0].option if ranked else next(iter(known))
    if name in known:
        return name
    left_out = {answer.option: answer.reasons for answer in evaluation.ranking.excluded}
    if name in left_out:
        action = f"It could not be evaluated: {'; '.join(left_out[name])}"
    else:
        action = f"The options of {evaluation.scenario.id}: {', '.join(known)}."
    raise NotFoundError("evaluated option", name, known, action)


def say(message: str) -> None:
    """Write a message to stderr."""
    sys.stderr.write(f"tco: {message}\n" if "\n" not in message else f"{message}\n")


def print_json(document: dict[str, Any]) -> None:
    """Write one JSON document to stdout."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, default=str) + "\n")


def deliver(text: str, out: Path | None) -> None:
    """Write an answer to stdout, or whole to a file."""
    if out is None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
    else:
        write_whole(out, text.encode())
        say(f"wrote {out}")
