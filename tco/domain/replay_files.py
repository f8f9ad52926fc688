"""Service and deployment files of a replay, every problem told at its line and key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tco.domain.deployment import SelfHostedDeployment
from tco.domain.findings import findings_of
from tco.domain.fleet import FleetSettings, ReplayedFleet
from tco.domain.llm_service import LlmService
from tco.domain.record import Record
from tco.domain.service import BatchService
from tco.domain.source import Document, Path_, read_yaml
from tco.errors import InputError

HOLDER = "deployment"
BILLED_ONLY = frozenset(SelfHostedDeployment.model_fields) - frozenset(FleetSettings.model_fields)
"""Keys of a scenario's deployment that say what is paid for and not how requests fare."""
Loaded = TypeVar("Loaded", bound=BaseModel)


class DeploymentFile(Record):
    """The block of a scenario that says how a snapshot is served."""

    deployment: ReplayedFleet


def load_service(path: Path) -> BatchService | LlmService:
    """Read a service file, by batch or step by step, or raise ``InputError`` with every finding."""
    document = read_yaml(path)
    if document.data.get("kind") == "llm":
        return _validated(document, LlmService)
    return _validated(document, BatchService)


def load_fleet(path: Path) -> ReplayedFleet:
    """Read a deployment, alone or under its key, plain or with machine and service.

    Raises:
        InputError: With every finding; also for what is no fleet, such as an API.
    """
    document = read_yaml(path)
    if HOLDER not in document.data:
        return _validated(_of_the_fleet(document, ()), ReplayedFleet)
    return _validated(_of_the_fleet(document, (HOLDER,)), DeploymentFile).deployment


def _of_the_fleet(document: Document, path: Path_) -> Document:
    """Leave out of a deployment what only says what is paid for."""
    block = document.data[HOLDER] if path else document.data
    if not isinstance(block, dict):
        return document
    kind = block.get("kind", "self_hosted")
    if kind != "self_hosted":
        problem = f"'{str(kind)[:60]}' has no replicas that a trace could be replayed on"
        action = "give a deployment of kind self_hosted"
        raise InputError([document.finding((*path, "kind"), problem, action)])
    kept = {key: value for key, value in block.items() if key not in BILLED_ONLY}
    data = {**document.data, HOLDER: kept} if path else kept
    return Document(document.file, data, document.places)


def _validated(document: Document, model: type[Loaded]) -> Loaded:
    try:
        return model.model_validate_json(json.dumps(document.data), strict=True)
    except ValidationError as error:
        raise InputError(findings_of(error, document, model)) from None
