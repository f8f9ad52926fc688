"""Where the models of a measurement lie, and what they are: found, held inside, given a digest."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path

from pydantic import ValidationError

from tco.domain.findings import findings_of
from tco.domain.measure_job import MeasureFile, ModelPlace
from tco.domain.source import read_yaml
from tco.errors import InputError, NotFoundError, TcoError

WEIGHTS = ("*.safetensors", "*.onnx")
_BLOCK_BYTES = 1 << 20


def load_jobs(path: Path) -> MeasureFile:
    """Read a file of measurements to make, or raise ``InputError`` with every finding."""
    document = read_yaml(path)
    try:
        return MeasureFile.model_validate_json(json.dumps(document.data), strict=True)
    except ValidationError as error:
        raise InputError(findings_of(error, document, MeasureFile)) from None


def place_of(model: ModelPlace, folder: Path) -> Path:
    """Return where a model lies: in its package, or relative to the folder of the job file."""
    root = folder if model.package is None else _package_folder(model.package)
    path = (root / model.path).resolve()
    if model.package is not None and not path.is_relative_to(root.resolve()):
        raise TcoError(f"model path '{model.path}' leaves the package {model.package}")
    if not path.exists():
        near = [entry.name for entry in path.parent.glob("*")]
        action = f"Name a file or folder that is in {path.parent}."
        raise NotFoundError("model", path.name, near, action)
    return path


def _package_folder(package: str) -> Path:
    found = find_spec(package)  # a top-level name: nothing of it is run
    if found is None or not found.submodule_search_locations:
        raise TcoError(
            f"the package '{package}', which ships the model, is not installed; 'make measure' "
            "installs what the shipped measurements need"
        )
    return Path(found.submodule_search_locations[0])


def digest_of_weights(path: Path) -> str | None:
    """Return the sha256 of a model's weights: of the file, or of all weight files of a folder."""
    if path.is_file() and path.suffix == ".json":
        return None  # an architecture without weights
    files = [path] if path.is_file() else sorted(f for glob in WEIGHTS for f in path.glob(glob))
    if not files:
        return None
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            while block := content.read(_BLOCK_BYTES):
                digest.update(block)
    return f"sha256:{digest.hexdigest()}"
