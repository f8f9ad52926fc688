"""Files become domain types: a scenario with what it extends, its organisation and snapshots."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tco.domain.findings import findings_of
from tco.domain.history import ExperimentHistory
from tco.domain.organisation import Organisation
from tco.domain.references import broken_references
from tco.domain.scenario import Scenario
from tco.domain.snapshot import Snapshot
from tco.domain.source import Document, Path_, Place, merge, read_yaml
from tco.domain.sweep import Sweep
from tco.errors import Finding, InputError, NotFoundError, TcoError, nearest

MOST_EXTENSIONS = 8
Loaded = TypeVar("Loaded", bound=BaseModel)


class Library:
    """The folder of scenarios, snapshots and the organisation; each file is read once.

    ``own_snapshots`` is a folder of a user's own, beside the library's; the library's come first.
    """

    def __init__(self, root: Path, own_snapshots: Path | None = None) -> None:
        self.root = root.resolve()
        self.own_snapshots = own_snapshots
        self._documents: dict[Path, Document] = {}

    def scenario_paths(self) -> list[Path]:
        """Every scenario of every use case: base first, then by name."""
        paths = self.root.glob("*/*.yaml")
        return base_first(
            path for path in paths if path.parent.name not in ("snapshots", "histories", "sweeps")
        )

    def file_of(self, scenario: Scenario) -> Path:
        """Return where a scenario stands in the library, or would stand."""
        return self.root / scenario.use_case / f"{scenario.name}.yaml"

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
        """Ids of the snapshots in the library, and of the user's own."""
        return sorted(self._snapshot_files())

    def _snapshot_files(self) -> dict[str, Path]:
        own = [] if self.own_snapshots is None else self.own_snapshots.glob("*.yaml")
        files = [*own, *(self.root / "snapshots").glob("*.yaml")]
        return {path.stem: path for path in files}

    def load_scenario(self, path: Path) -> Scenario:
        """Resolve and validate one scenario file, or raise ``InputError`` with every finding."""
        findings: list[Finding] = []
        document = self._resolved(_real(path), ())
        document = self._with_organisation(document, findings)
        document = self._with_snapshots(document, findings)
        document = self._with_histories(document, findings)
        try:
            scenario = _validated(document, Scenario)
        except InputError as error:
            unread = {"organisation"} if "organisation" not in document.data and findings else set()
            others = [found for found in error.findings if found.key not in unread]
            raise InputError([*findings, *others]) from None
        findings += broken_references(scenario, document)
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

    def load_history(self, path: Path) -> ExperimentHistory:
        """Validate one file of tracked runs; its id is its file name."""
        document = self.document(path)
        history = _validated(document, ExperimentHistory)
        if history.id != path.stem:
            problem, action = f"'{history.id}' in a file named {path.name}", "make the two agree"
            raise InputError([document.finding(("id",), problem, action)])
        return history

    def load_organisation(self, path: Path) -> Organisation:
        """Validate one organisation file."""
        return _validated(self.document(path), Organisation)

    def find_sweep(self, name: str) -> Path:
        """Return the file behind the name of a shipped sweep, or a path."""
        direct = Path(name)
        if direct.suffix in (".yaml", ".yml"):
            return direct
        known = {path.stem: path for path in sorted((self.root / "sweeps").glob("*.yaml"))}
        if name not in known:
            raise NotFoundError("sweep", name, known, f"There are {', '.join(known) or 'none'}.")
        return known[name]

    def load_sweep(self, path: Path) -> Sweep:
        """Validate one sweep file; what it names is looked up when it runs."""
        return _validated(self.document(path), Sweep)

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
        shelved = self._snapshot_files()
        for path, name in _snapshots_named(document):
            if name in inline:
                continue
            if name not in shelved:
                near = nearest(name, [*shelved, *inline])
                action = "add scenarios/snapshots/<id>.yaml or name a known one"
                findings.append(document.finding(path, f"no snapshot '{name[:80]}'", action, near))
            elif name not in document.data.get("snapshots", {}):
                try:
                    found = self.document(shelved[name])
                except InputError as error:
                    findings += error.findings
                    continue
                document = merge(_nested(found, ("snapshots", name)), document)
        return Document(document.file, {"snapshots": {}, **document.data}, document.places)

    def _with_histories(self, document: Document, findings: list[Finding]) -> Document:
        folder = self.root / "histories"
        for path, name in _histories_named(document):
            if name in document.data.get("histories", {}):
                continue
            shelved = sorted(file.stem for file in folder.glob("*.yaml"))
            if name not in shelved:
                action = (
                    "write scenarios/histories/<id>.yaml with 'tco import', or name a known one"
                )
                near = nearest(name, shelved)
                findings.append(document.finding(path, f"no history '{name[:80]}'", action, near))
                continue
            try:
                found = self.document(folder / f"{name}.yaml")
            except InputError as error:
                findings += error.findings
                continue
            document = merge(_nested(found, ("histories", name)), document)
        return document


def base_first(paths: Iterable[Path]) -> list[Path]:
    """Put files of scenarios in order: by use case, base first, then by name."""
    return sorted(paths, key=lambda path: (path.parent.name, path.stem != "base", path.stem))


def resolved_scenario(data: Mapping[str, Any], file: str) -> Scenario:
    """Validate a scenario that holds its organisation and snapshots; ``file`` is what errors name.

    Saved scenarios, links and inputs changed by hand go through here, as files do.
    """
    document = Document(file, dict(data), {})
    scenario = _validated(document, Scenario)
    findings = broken_references(scenario, document)
    if findings:
        raise InputError(findings)
    return scenario


def _histories_named(document: Document) -> list[tuple[Path_, str]]:
    """Find the tracked runs that any lifecycle refers to."""
    candidates = document.data.get("candidates")
    holders: list[tuple[Path_, Any]] = [((), document.data)]
    if isinstance(candidates, dict):
        holders += [(("candidates", option), held) for option, held in candidates.items()]
    named = []
    for start, holder in holders:
        keys = ("lifecycle", "experiments", "history", "id")
        value: Any = holder
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, str):
            named.append(((*start, *keys), value))
    return named


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
