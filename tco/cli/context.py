"""What every command shares: the global options, the loaded data, and the two streams."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tco.data import DataFolder, data_folder, user_overlay, write_whole
from tco.errors import Finding, InputError, NotFoundError, TcoError
from tco.tasks import source_digest, user_cache

if TYPE_CHECKING:
    from tco.domain.loading import Library
    from tco.domain.scenario import Scenario
    from tco.measure.library import Measurements
    from tco.plan import Evaluation
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
        from tco.domain.loading import Library

        return Library(self.folder.scenarios, user_overlay() / "snapshots")

    @cached_property
    def catalog(self) -> Catalog:
        """Prices: the shipped tables with the user's own laid over them."""
        from tco.prices import Catalog

        own = user_overlay()
        return Catalog.load(self.folder.pricing, overlays=[own] if own.is_dir() else [])

    @cached_property
    def measurements(self) -> Measurements:
        """Everything measured: what is shipped, with the user's own beside it."""
        from tco.measure.library import Measurements

        known = Measurements.load(self.folder.benchmarks, overlays=[user_overlay()])
        return known.with_hardware(self.catalog.accelerators)

    def scenarios(self, names: Sequence[str]) -> list[Scenario]:
        """Load scenarios by 'use-case/name', use case or path; say all that is wrong at once."""
        loaded: list[Scenario] = []
        findings: list[Finding] = []
        unknown: list[str] = []
        for name in names:
            try:
                paths = self.library.find_all(name)
            except NotFoundError as error:
                unknown.append(str(error))
                continue
            for path in paths:
                try:
                    loaded.append(self.library.load_scenario(path))
                except InputError as error:
                    findings += error.findings
        wrong = [InputError(list(dict.fromkeys(findings)))] if findings else []
        if unknown or wrong:
            raise TcoError("\n".join([*unknown, *map(str, wrong)]))
        return loaded

    def evaluations(self, *names: str) -> list[Evaluation]:
        """Load and evaluate one scenario a name."""
        scenarios = self.scenarios([str(self.library.find(name)) for name in names])
        from tco.plan import Settings, evaluate  # takes a second: first say what is wrong

        settings = Settings(cache=user_cache())
        prepare_to_simulate()
        return [
            evaluate(scenario, self.catalog, self.measurements, settings=settings)
            for scenario in scenarios
        ]


def prepare_to_simulate() -> None:
    """Tell a person at a terminal, once, that the first run of new code takes longer."""
    if not sys.stderr.isatty():
        return
    import tco.sim

    folder = Path(tco.sim.__file__).parent
    mark = user_cache() / f"compiled-{source_digest(folder)[:16]}"
    if not mark.exists():
        say("simulating; the first run compiles the simulation, which takes some ten seconds")
        with suppress(OSError):
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()


def options_of(context: typer.Context) -> Options:
    """Return the global options."""
    found = context.find_object(Options)
    assert found is not None
    return found


def option_named(evaluation: Evaluation, name: str | None) -> str:
    """Return the option that a person named, or the cheapest; say what is near a wrong name."""
    known = dict.fromkeys(line.option for line in evaluation.model.lines)
    ranking = evaluation.ranking
    left_out = {answer.option: answer.reasons for answer in ranking.excluded}
    if name is None:
        if ranking.options:
            return ranking.options[0].option
        action = f"name one with --option: {', '.join(known)}" if known else _all_reasons(left_out)
        raise TcoError(f"no option of {evaluation.scenario.id} meets every goal; {action}.")
    if name in known:
        return name
    if name in left_out:
        reasons = "; ".join(left_out[name])
        raise TcoError(f"option '{name}' could not be evaluated: {reasons}")
    options = dict.fromkeys([*known, *left_out])
    action = f"The options of {evaluation.scenario.id}: {', '.join(options)}."
    raise NotFoundError("option", name, options, action)


def _all_reasons(left_out: dict[str, tuple[str, ...]]) -> str:
    return "; ".join(f"{option}: {', '.join(why)}" for option, why in left_out.items())


def say(message: str) -> None:
    """Write a message to stderr."""
    with suppress(OSError):  # nobody listens: the exit status still tells
        sys.stderr.write(f"tco: {message}\n" if "\n" not in message else f"{message}\n")
        sys.stderr.flush()


def say_at_terminal(message: str) -> None:
    """Say how far long work has come, to a person who watches."""
    if sys.stderr.isatty():
        say(message)


def print_json(document: dict[str, Any]) -> None:
    """Write one JSON document to stdout."""
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")


def deliver(text: str, out: Path | None) -> None:
    """Write an answer to stdout, or whole to a file."""
    if out is None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
    else:
        write_whole(out, text.encode())
        say(f"wrote {out}")
