"""Files become domain types: a scenario with what it extends, its organisation and snapshots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tco.domain.deployment import (
    ApiDeployment,
    CascadeDeployment,
    SelfHostedDeployment,
    StagedDeployment,
)
from tco.domain.findings import findings_of
from tco.domain.organisation import Organisation
from tco.domain.scenario import PAYROLL, Scenario
from tco.domain.snapshot import Snapshot
from tco.domain.source import Document, Path_, Place, merge, read_yaml
from tco.errors import Finding, InputError, NotFoundError, TcoError, nearest

MOST_EXTENSIONS = 8
Loaded = TypeVar("Loaded", bound=BaseModel)


class Library:
    """The folder of scenarios, snapshots and the organisation; each file is read once."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._documents: dict[Path, Document] = {}

    def scenario_paths(self) -> list[Path]:
        """Every scenario of every use case: base first, then by name."""
        paths = self.root.glob("*/*.yaml")
        return sorted(
            (path for path in paths if path.parent.name not in ("snapshots", "sweeps")),
            key=lambda path: (path.parent.name, path.stem != "base", path.stem),
        )

    def use_cases(self) -> list[str]:
        """Names of the use cases."""
        return list(dict.fromkeys(path.parent.name for path in self.scenario_paths()))

    def find(self, name: str) -> Path:
        """Return the file behind 'use-case/scenario', or a path."""
        found = self.find_all(name)
        if len(found) > 1:
            names = ", ".join(f"{path.parent.name}/{path.stem}" for path in found)
            raise TcoError(f"'{name}' is a use case; name one of its scenarios: {names}.")
        return found[0]

    def find_all(self, name: str) -> list[Path]:
        """Return the file behind 'use-case/scenario' or a path, or every file of a use case."""
        direct = Path(name)
        if direct.suffix in (".yaml", ".yml"):
            return [direct]
        known: dict[str, list[Path]] = {}
        for path in self.scenario_paths():
            known.setdefault(path.parent.name, []).append(path)
            known[f"{path.parent.name}/{path.stem}"] = [path]
        if name in known:
            return known[name]
        raise NotFoundError(
            "scenario", name, known, f"The use cases are {', '.join(self.use_cases())}."
        )

    def snapshot_ids(self) -> list[str]:
        """Ids of the snapshots in the library."""
        return sorted(path.stem for path in (self.root / "snapshots").glob("*.yaml"))

    def load_scenario(self, path: Path) -> Scenario:
        """Resolve and validate one scenario file, or raise ``InputError`` with every finding."""
        findings: list[Finding] = []
        document = self._resolved(_real(path), ())
        document = self._with_organisation(document, findings)
        document = self._with_snapshots(document, findings)
        try:
            scenario = _validated(document, Scenario)
        except InputError as error:
            unread = {"organisation"} if "organisation" not in document.data and findings else set()
            others = [found for found in error.findings if found.key not in unread]
            raise InputError([*findings, *others]) from None
        findings += _broken_references(scenario, document)
        if findings:
            raise InputError(findings)
        return scenario

    def load_snapshot(self, path: Path) -> Snapshot:
        """Validate one snapshot file; its id is its file name."""
        document = self.document(path)
        snapshot = _validated(document, Snapshot)
        if snapshot.id != path.stem:
            finding = document.finding(
                ("id",), f"'{snapshot.id}' in a file named {path.name}", "make the two agree"
            )
            raise InputError([finding])
        return snapshot

    def load_organisation(self, path: Path) -> Organisation:
        """Validate one organisation file."""
        return _validated(self.document(path), Organisation)

    def document(self, path: Path) -> Document:
        """Read one file as plain data."""
        path = _real(path)
        if path not in self._documents:
            self._documents[path] = read_yaml(path, shown_as=_shown(path))
        return self._documents[path]

    def _resolved(self, path: Path, chain: tuple[Path, ...]) -> Document:
        document = self.document(path)
        if "extends" not in document.data:
            return document
        name = document.data["extends"]
        here: Path_ = ("extends",)
        if not isinstance(name, str):
            raise InputError([document.finding(here, "not a file name", "write a path in quotes")])
        base = _real(path.parent / name)
        root = self.root if path.is_relative_to(self.root) else path.parent
        names = " -> ".join(step.name for step in (*chain, path, base))
        if not base.is_relative_to(root):
            problem, action = f"'{name}' leaves {_shown(root)}", "extend a file inside it"
        elif base in (*chain, path):
            problem, action = f"goes in a circle: {names}", "break it"
        elif len(chain) >= MOST_EXTENSIONS:
            problem = f"more than {MOST_EXTENSIONS} files extend one another: {names}"
            action = "extend a file nearer to the first"
        elif not _is_file(base):
            near = nearest(base.name, [file.name for file in base.parent.glob("*.yaml")])
            raise InputError(
                [document.finding(here, f"no file '{name}'", "name an existing file", near)]
            )
        else:
            over = {key: value for key, value in document.data.items() if key != "extends"}
            own = Document(document.file, over, document.places)
            return merge(self._resolved(base, (*chain, path)), own)
        raise InputError([document.finding(here, problem, action)])

    def _with_organisation(self, document: Document, findings: list[Finding]) -> Document:
        path = self.root / "organisation.yaml"
        if not path.is_file():
            return document
        try:
            return merge(_nested(self.document(path), ("organisation",)), document)
        except InputError as error:
            findings += error.findings
            return document

    def _with_snapshots(self, document: Document, findings: list[Finding]) -> Document:
        inline = document.data.get("snapshots", {})
        if not isinstance(inline, dict):
            return document
        shelved = self.snapshot_ids()
        for path, name in _snapshots_named(document):
            if name in inline:
                continue
            if name not in shelved:
                near = nearest(name, [*shelved, *inline])
                action = "add scenarios/snapshots/<id>.yaml or name a known one"
                findings.append(document.finding(path, f"no snapshot '{name[:80]}'", action, near))
            elif name not in document.data.get("snapshots", {}):
                try:
                    found = self.document(self.root / "snapshots" / f"{name}.yaml")
                except InputError as error:
                    findings += error.findings
                    continue
                document = merge(_nested(found, ("snapshots", name)), document)
        return Document(document.file, {"snapshots": {}, **document.data}, document.places)


def _snapshots_named(document: Document) -> list[tuple[Path_, str]]:
    candidates = document.data.get("candidates")
    named = [
        (("candidates", option, "snapshot"), candidate.get("snapshot"))
        for option, candidate in (candidates.items() if isinstance(candidates, dict) else ())
        if isinstance(candidate, dict)
    ]
    return [(path, name) for path, name in named if isinstance(name, str)]


def _real(path: Path) -> Path:
    """Follow links; a path that cannot be followed stays, and reading it says why."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):
        return path


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _shown(path: Path) -> str:
    """Write a path as a person in the current folder would type it."""
    try:
        here = Path.cwd()
    except FileNotFoundError:  # the current folder was deleted
        return str(path)
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def _validated(document: Document, model: type[Loaded]) -> Loaded:
    """Validate strictly, as JSON is: a number in quotes is text, and true is not 1."""
    try:
        return model.model_validate_json(json.dumps(document.data), strict=True)
    except ValidationError as error:
        raise InputError(findings_of(error, document, model)) from None


def _nested(document: Document, path: tuple[str, ...]) -> Document:
    """Put a whole document under a key path."""
    data: dict[str, Any] = document.data
    for key in reversed(path):
        data = {key: data}
    places: dict[Path_, Place] = {(*path, *inner): p for inner, p in document.places.items()}
    return Document(document.file, data, places)


def _broken_references(scenario: Scenario, document: Document) -> list[Finding]:
    """Find steps that name no plain option, and months after the end."""
    findings = []
    plain = {
        option
        for option, candidate in scenario.candidates.items()
        if not isinstance(candidate.deployment, CascadeDeployment | StagedDeployment)
    }
    for option, candidate in scenario.candidates.items():
        deployment = candidate.deployment
        if isinstance(deployment, CascadeDeployment):
            key, steps = "steps", [step.option for step in deployment.steps]
        elif isinstance(deployment, StagedDeployment):
            key, steps = "stages", [stage.option for stage in deployment.stages]
        else:
            continue
        for number, name in enumerate(steps):
            if name not in plain:
                path = ("candidates", option, "deployment", key, number, "option")
                problem = "has steps of its own" if name in scenario.candidates else "is no option"
                findings.append(
                    document.finding(
                        path, f"'{name}' {problem}", "name a plain option", nearest(name, plain)
                    )
                )
    for name, snapshot in scenario.snapshots.items():
        if snapshot.id != name:
            problem = f"'{snapshot.id}' in the snapshot '{name}'"
            at = ("snapshots", name, "id")
            findings.append(document.finding(at, problem, "make the two agree"))
    return findings + _unknown_sellers(scenario, document) + _months_outside(scenario, document)


def _unknown_sellers(scenario: Scenario, document: Document) -> list[Finding]:
    """Find price events of sellers whom no option buys from: they would change nothing."""
    known = {PAYROLL}
    for candidate in scenario.candidates.values():
        if isinstance(candidate.deployment, ApiDeployment):
            known.add(candidate.deployment.provider)
        elif isinstance(candidate.deployment, SelfHostedDeployment):
            known.add(candidate.deployment.machine.seller)
    return [
        document.finding(
            ("price_events", name, "sellers", number),
            f"no option buys from '{seller}'",
            "name a seller or API provider of an option, or payroll",
            nearest(seller, known),
        )
        for name, event in scenario.price_events.items()
        for number, seller in enumerate(event.sellers)
        if seller not in known
    ]


def _months_outside(scenario: Scenario, document: Document) -> list[Finding]:
    horizon = scenario.horizon_months
    holders: list[tuple[Path_, Any]] = [(("lifecycle",), scenario.lifecycle)]
    holders += [
        (("candidates", option, "lifecycle"), candidate.lifecycle)
        for option, candidate in scenario.candidates.items()
    ]
    months: list[tuple[Path_, int | None]] = []
    for path, lifecycle in holders:
        months += [
            ((*path, "one_off", name, "month"), item.month)
            for name, item in lifecycle.one_off.items()
        ]
        for group in ("people", "monthly"):
            for name, item in getattr(lifecycle, group).items():
                here = (*path, group, name, "months")
                months += [
                    ((*here, "first"), item.months.first),
                    ((*here, "last"), item.months.last),
                ]
    months += [
        (("price_events", name, "from_month"), event.from_month)
        for name, event in scenario.price_events.items()
    ]
    for option, candidate in scenario.candidates.items():
        if isinstance(candidate.deployment, StagedDeployment):
            path = ("candidates", option, "deployment", "stages")
            months += [
                ((*path, number, "from_month"), stage.from_month)
                for number, stage in enumerate(candidate.deployment.stages)
            ]
    return [
        document.finding(
            path, f"month {month} lies after the horizon of {horizon}", "choose a month inside it"
        )
        for path, month in months
        if month is not None and month > horizon
    ]
