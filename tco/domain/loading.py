"""Files become domain types: a scenario with what it extends, its organisation and snapshots."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tco.domain.deployment import CascadeDeployment, StagedDeployment
from tco.domain.findings import findings_of
from tco.domain.organisation import Organisation
from tco.domain.scenario import Scenario
from tco.domain.snapshot import Snapshot
from tco.domain.source import Document, Path_, Place, dotted, merge, read_yaml
from tco.errors import Finding, InputError, NotFoundError, nearest

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

    def find(self, name: str) -> Path:
        """Return the file behind 'use-case/scenario', a use case, or a path."""
        direct = Path(name)
        if direct.suffix in (".yaml", ".yml"):
            return direct
        known = {f"{p.parent.name}/{p.stem}": p for p in self.scenario_paths()}
        if name in known:
            return known[name]
        raise NotFoundError(
            "scenario", name, known, "'tco rank' without a name ranks every shipped one."
        )

    def snapshot_ids(self) -> list[str]:
        """Ids of the snapshots in the library."""
        return sorted(path.stem for path in (self.root / "snapshots").glob("*.yaml"))

    def load_scenario(self, path: Path) -> Scenario:
        """Resolve and validate one scenario file, or raise ``InputError`` with every finding."""
        document = self._resolved(path.resolve(), ())
        document = self._with_organisation(document)
        document, findings = self._with_snapshots(document)
        try:
            scenario = Scenario.model_validate(document.data)
        except ValidationError as error:
            raise InputError([*findings, *findings_of(error, document, Scenario)]) from None
        findings += _broken_references(scenario, document)
        if findings:
            raise InputError(findings)
        return scenario

    def load_snapshot(self, path: Path) -> Snapshot:
        """Validate one snapshot file; its id is its file name."""
        document = self._document(path.resolve())
        snapshot = _validated(document, Snapshot)
        if snapshot.id != path.stem:
            finding = document.finding(
                ("id",), f"'{snapshot.id}' in a file named {path.name}", "make the two agree"
            )
            raise InputError([finding])
        return snapshot

    def load_organisation(self, path: Path) -> Organisation:
        """Validate one organisation file."""
        return _validated(self._document(path.resolve()), Organisation)

    def _document(self, path: Path) -> Document:
        if path not in self._documents:
            self._documents[path] = read_yaml(path, shown_as=self._shown(path))
        return self._documents[path]

    def _shown(self, path: Path) -> str:
        """Write a path as a person in the current folder would type it."""
        here = Path.cwd()
        return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)

    def _resolved(self, path: Path, chain: tuple[Path, ...]) -> Document:
        document = self._document(path)
        base_name = document.data.get("extends")
        if base_name is None:
            return document
        here: Path_ = ("extends",)
        if not isinstance(base_name, str):
            raise InputError([document.finding(here, "not a file name", "write a path in quotes")])
        base = (path.parent / base_name).resolve()
        root = self.root if path.is_relative_to(self.root) else path.parent
        if not base.is_relative_to(root):
            raise InputError(
                [document.finding(here, f"'{base_name}' leaves {root}", "extend a file inside it")]
            )
        if base in (*chain, path) or len(chain) >= MOST_EXTENSIONS:
            names = " -> ".join(step.name for step in (*chain, path, base))
            raise InputError([document.finding(here, f"goes in a circle: {names}", "break it")])
        if not base.is_file():
            near = nearest(base.name, [file.name for file in base.parent.glob("*.yaml")])
            raise InputError(
                [document.finding(here, f"no file '{base_name}'", "name an existing file", near)]
            )
        over = {key: value for key, value in document.data.items() if key != "extends"}
        own = Document(document.file, over, document.places)
        return merge(self._resolved(base, (*chain, path)), own)

    def _with_organisation(self, document: Document) -> Document:
        path = self.root / "organisation.yaml"
        if not path.is_file():
            return document
        return merge(_nested(self._document(path), ("organisation",)), document)

    def _with_snapshots(self, document: Document) -> tuple[Document, list[Finding]]:
        findings: list[Finding] = []
        inline = document.data.get("snapshots")
        given = set(inline) if isinstance(inline, dict) else set()
        candidates = document.data.get("candidates")
        for option, candidate in candidates.items() if isinstance(candidates, dict) else ():
            name = candidate.get("snapshot") if isinstance(candidate, dict) else None
            if not isinstance(name, str) or name in given:
                continue
            given.add(name)
            if name not in self.snapshot_ids():
                known = [*self.snapshot_ids(), *(inline or ())]
                findings.append(
                    document.finding(
                        ("candidates", option, "snapshot"),
                        f"no snapshot '{name}'",
                        "add scenarios/snapshots/<id>.yaml or name a known one",
                        nearest(name, known),
                    )
                )
                continue
            found = self._document(self.root / "snapshots" / f"{name}.yaml")
            document = merge(_nested(found, ("snapshots", name)), document)
        if "snapshots" not in document.data:
            document = Document(document.file, {**document.data, "snapshots": {}}, document.places)
        return document, findings


def _validated(document: Document, model: type[Loaded]) -> Loaded:
    try:
        return model.model_validate(document.data)
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
    findings += _months_outside(scenario, document)
    return findings


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
    return [
        document.finding(
            path, f"month {month} lies after the horizon of {horizon}", "choose a month inside it"
        )
        for path, month in months
        if month is not None and month > horizon
    ]


__all__ = ["Library", "dotted"]
